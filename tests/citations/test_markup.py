from __future__ import annotations

import pytest
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] - ships no types

from kazu_platform.citations.markup import text_of
from kazu_platform.citations.record import MalformedCitationError

MML = 'xmlns:mml="http://www.w3.org/1998/Math/MathML"'


def flat(inner: str) -> str:
    return text_of(etree.fromstring(f"<AbstractText {MML}>{inner}</AbstractText>"))


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ("plain", "plain"),
        ("CO<sub>2</sub>, Ca<sup>2+</sup>, 10<sup>-3</sup>", "CO2, Ca2+, 10-3"),
        ("<b>Both <i>in <u>one</u></i></b> word", "Both in one word"),
        ("<i>TP53</i> <i>MDM2</i>", "TP53 MDM2"),
        ("an <unknown>element</unknown> keeps its text", "an element keeps its text"),
        ("\n  laid\n    out <i>\n by</i> a\tprinter \n", "laid out by a printer"),
        ("two  blanks stay", "two  blanks stay"),
        ("\xa0 a\xa0no-break blank stays \xa0", "\xa0 a\xa0no-break blank stays \xa0"),
        ("e\u0301 is not composed", "e\u0301 is not composed"),
        ("&lt;5 &amp; &gt;3", "<5 & >3"),
        ("<![CDATA[<raw> text]]>", "<raw> text"),
        (" \u2003\xa0\n ", ""),
        ("", ""),
        ("<i/>", ""),
    ],
)
def test_markup_vanishes_and_text_stays(inner: str, expected: str):
    assert flat(inner) == expected


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("<mml:mi>p</mml:mi><mml:mo>=</mml:mo><mml:mn>0.05</mml:mn>", "p=0.05"),
        ("\n <mml:mi> x </mml:mi>\n <mml:mo>\n+</mml:mo> <mml:mn>1</mml:mn>", "x+1"),
        ("<mml:msup><mml:mi>x</mml:mi><mml:mn>2</mml:mn></mml:msup>", "x2"),
        ("<mml:msub><mml:mi>CO</mml:mi><mml:mn>2</mml:mn></mml:msub>", "CO2"),
        ("<mml:mfrac><mml:mi>a</mml:mi><mml:mi>b</mml:mi></mml:mfrac>", "a/b"),
        (
            (
                "<mml:mfrac><mml:mrow><mml:mi>a</mml:mi><mml:mo>+</mml:mo><mml:mi>b</mml:mi></mml:mrow>"
                "<mml:mn>2</mml:mn></mml:mfrac>"
            ),
            "(a+b)/2",
        ),
        ("<mml:msqrt><mml:mi>n</mml:mi><mml:mo>-</mml:mo><mml:mn>1</mml:mn></mml:msqrt>", "√(n-1)"),
        ("<mml:mroot><mml:mi>n</mml:mi><mml:mn>3</mml:mn></mml:mroot>", "n^(1/3)"),
        ('<mml:mfenced open="["><mml:mi>a</mml:mi><mml:mi>b</mml:mi></mml:mfenced>', "[a,b)"),
        (
            (
                "<mml:mmultiscripts><mml:mi>Tc</mml:mi><mml:mprescripts/><mml:none/>"
                "<mml:mrow><mml:mn>99</mml:mn><mml:mi>m</mml:mi></mml:mrow></mml:mmultiscripts>"
            ),
            "99mTc",
        ),
        ("<mml:mi>sin</mml:mi><mml:mo>\u2061</mml:mo><mml:mi>x</mml:mi>", "sin x"),
        ("<mml:mn>2</mml:mn><mml:mo>\u2062</mml:mo><mml:mi>x</mml:mi>", "2x"),
        ("<mml:mi>a</mml:mi><mml:mtext>\xa0if\xa0</mml:mtext><mml:mi>b</mml:mi>", "a\xa0if\xa0b"),
        (
            (
                "<mml:semantics><mml:mi>x</mml:mi>"
                '<mml:annotation encoding="application/x-tex">\\mathrm{x}</mml:annotation>'
                "</mml:semantics>"
            ),
            "x",
        ),
        (
            (
                "<mml:mtable><mml:mtr><mml:mtd><mml:mn>1</mml:mn></mml:mtd><mml:mtd><mml:mn>0</mml:mn>"
                "</mml:mtd></mml:mtr><mml:mtr><mml:mtd><mml:mn>0</mml:mn></mml:mtd></mml:mtr></mml:mtable>"
            ),
            "1 0; 0",
        ),
        ("a &lt; b", "a < b"),
        ("<mml:mphantom><mml:mi>x</mml:mi></mml:mphantom>", ""),
    ],
)
def test_a_formula_is_readable_text(formula: str, expected: str):
    assert flat(f"of <mml:math>{formula}</mml:math> in") == f"of {expected} in"


def test_a_displayed_formula_stands_apart():
    formula = "<DispFormula><mml:math><mml:mi>E</mml:mi></mml:math></DispFormula>"

    assert flat(f"given by{formula}where") == "given by E where"
    assert flat(f"given by {formula} where") == "given by E where"


@pytest.mark.parametrize("tag", ["i", "mml:mrow"])
def test_endless_nesting_is_the_citation_s_fault(tag: str):
    nested = f"<{tag}>" * 240 + f"</{tag}>" * 240

    with pytest.raises(MalformedCitationError, match="nested deeper than 200"):
        flat(f"<mml:math>{nested}</mml:math>" if tag == "mml:mrow" else nested)
