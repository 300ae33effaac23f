"""Index pages of web servers: the names of the files in a folder, and nothing else."""

from __future__ import annotations

import re
from urllib.parse import unquote, urljoin, urlsplit

from lxml import html
from lxml.etree import LxmlError

from kazu_platform.errors import DownloadError

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~@=-]*")


def names_in_index(page: bytes, url: str) -> list[str]:
    """File names that an Apache or nginx index links to, sorted.

    A link counts only if it leads into this very folder and its last part is a plain name:
    folders, parents, sorting links and other sites are passed over.

    >>> page = b'<a href="../">up</a> <a href="?C=M">by date</a> <a href="a.xml.gz">a</a>'
    >>> names_in_index(page, "https://ftp.ncbi.nlm.nih.gov/pubmed/baseline/")
    ['a.xml.gz']

    Raises:
        DownloadError: it is no HTML.
    """
    try:
        tree = html.document_fromstring(
            page, parser=html.HTMLParser(no_network=True, huge_tree=False), ensure_head_body=True
        )
    except (LxmlError, ValueError) as error:
        raise DownloadError(f"{url}: what came is no index page ({error}).") from None
    folder = urlsplit(url)
    names: set[str] = set()
    for href in tree.xpath("//a/@href"):
        try:
            target = urlsplit(urljoin(url, str(href)))
        except ValueError:
            continue
        name = unquote(target.path.removeprefix(folder.path))
        same_folder = target[:2] == folder[:2] and target.path.startswith(folder.path)
        if same_folder and not target.query and _PLAIN.fullmatch(name):
            names.add(name)
    return sorted(names)
