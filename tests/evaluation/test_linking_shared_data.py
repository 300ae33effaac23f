"""Today's linker on real gold: diseases with MeSH and OMIM ids, linked to MONDO, DOID and MEDIC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kazu_platform.commands.indices import compiled_linkable
from kazu_platform.evaluation.baselines import ExactMatch
from kazu_platform.evaluation.identifiers import Identifiers
from kazu_platform.evaluation.linkers import OwnLinker
from kazu_platform.evaluation.linking import evaluate_linker, linking_task
from kazu_platform.evaluation.linking_gold import read_linking_gold
from kazu_platform.linking.exact import ExactLinker
from kazu_platform.settings import read_catalogue

if TYPE_CHECKING:
    from pathlib import Path

    from kazu_platform.commands.indices import Linkable

Opened = tuple["Linkable", Identifiers]


@pytest.fixture(scope="module")
def diseases(
    test_data: Path, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Opened:
    assert test_data.is_dir()
    whole = read_catalogue(request.config.rootpath / "tests" / "catalogues" / "linking.yaml")
    own = [source for source in whole.ontologies if source.entity_class == "disease"]
    catalogue = whole.model_copy(update={"ontologies": own})
    linkable, _ = compiled_linkable(catalogue, tmp_path_factory.mktemp("diseases"))
    return linkable, Identifiers.of(
        linkable.index, linkable.concepts, linkable.xrefs, linkable.equivalents
    )


# Mentions of devel, those with an id, and those whose concept the vocabularies have.
COUNTS = {"ncbi-disease": (787, 787, 787), "bc5cdr": (4140, 4124, 4079)}


@pytest.mark.parametrize("name", COUNTS)
def test_todays_linker_beats_exact_match_on_real_diseases(
    diseases: Opened, test_data: Path, name: str
):
    linkable, identifiers = diseases
    linker = ExactLinker(linkable.index)
    gold = read_linking_gold(test_data / "linking" / name, "devel")
    task = linking_task(gold, "disease", identifiers, linker)

    ours = evaluate_linker(task, OwnLinker(linker, "ours"))
    exact = evaluate_linker(task, ExactMatch(linkable.index))

    assert (ours.n_mentions, ours.n_with_id, ours.n_in_vocabulary) == COUNTS[name]
    figures = [each.figures["accuracy_at_1_in_vocabulary"] for each in (ours, exact)]
    assert figures[0] is not None
    assert figures[1] is not None
    assert figures[0].value > figures[1].value > 0.5
    assert figures[0].low < figures[0].value < figures[0].high
