"""Layouts of pages: those shipped are sound, and what is wrong with one of a user's own is told in a line."""

from __future__ import annotations

from pathlib import Path

import pytest
from reports.test_html import fields, verdict

from dqwatch.errors import RuleFileError
from dqwatch.reports.html import SECTIONS, check_layout, render
from dqwatch.reports.layouts import list_layouts

TIME = "2020-01-01T00:00:00"


@pytest.mark.parametrize("name", list_layouts())
def test_shipped_layouts_are_sound(name: str) -> None:
    layout = check_layout(name)
    assert layout.sections[0][0] == "verdict", "the answer comes first"
    assert 'id="verdict"' in render(verdict(), name)


def test_every_section_is_shown_somewhere_and_its_options_are_explained() -> None:
    shown = {name for layout in list_layouts() for name, _ in check_layout(layout).sections}
    assert shown == SECTIONS.keys()
    for section in SECTIONS.values():
        for option in section.options.values():
            assert option.meaning
            assert not option.choices or option.default in option.choices


def test_a_layout_of_a_users_own(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("title: '{verb} | <{name}>'\nsections: [findings: {severity: critical, most: 1}, verdict]\n")
    page = render(verdict(table=fields(["2t"], [TIME])), str(mine))
    assert "<h1>gate | &lt;in.zarr &amp; co&gt;</h1>" in page
    assert page.index('id="findings"') < page.index('id="verdict"')
    assert "Storage" not in page
    _, options = check_layout(str(mine)).sections[0]
    assert options == {"most": 1, "variables": 12, "failures": 20, "severity": "critical"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[verdict]", "is no layout; it takes the keys title and sections"),
        ("sections: [verdict]\ncolour: red", "is no layout"),
        ("title: '{what}'\nsections: [verdict]", "title: got '{what}'"),
        ("title: 7\nsections: [verdict]", "title: got 7"),
        ("title: x", "sections: give a list"),
        ("sections: []", "sections: give a list"),
        ("sections: [verdict, verdcit]", "section 2: unknown section 'verdcit'; there are: verdict, "),
        ("sections: [[verdict]]", "section 1: got ['verdict']; give a name"),
        ("sections: [findings: 7]", r"section 1 (findings): options are a mapping, not 7"),
        ("sections: [findings: {mots: 7}]", "unknown option 'mots'; it takes most, variables, failures, severity"),
        ("sections: [notes: {most: 7}]", "unknown option 'most'; it takes none"),
        ("sections: [findings: {most: many}]", "most: got 'many'; give a whole number"),
        ("sections: [findings: {most: true}]", "most: got True; give a whole number"),
        ("sections: [findings: {most: 0}]", "most: got 0; give 1 to 10000"),
        ("sections: [findings: {severity: high}]", "severity: got 'high'; give one of critical, warning, info"),
        ("sections: [findings: {severity: [info]}]", "severity: got ['info']; give one of"),
        ("sections: [drift: {effects: {2t: 7}}]", "effects: give texts by name"),
        ("sections: [findings: {most: 1, most: 2}]", "key 'most' is given twice"),
        ("sections: !!python/object:os.system [x]", "mine.yaml"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(tmp_path: Path, text: str, message: str) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(text)
    with pytest.raises(RuleFileError) as caught:
        check_layout(str(mine))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(RuleFileError, match="there is no such file"):
        check_layout(str(tmp_path / "none.yaml"))
