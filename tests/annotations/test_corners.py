import numpy as np
import pytest

from multibox.annotations.corners import Evidence, decide, decide_by_tool, describe, to_edges


def test_edges_of_each_kind_of_corners():
    corners = np.array([[1, 1, 50, 40], [3, 4, 4, 9], [7, 7, 7, 7], [9, 9, 5, 5], [8, 2, 8, 6]], float)
    expected = {
        "edges": corners,
        "pixels": [[0, 0, 50, 40], [2, 3, 4, 9], [7, 7, 7, 7], [9, 9, 5, 5], [7, 1, 8, 6]],
        "raised edges": [[0, 0, 50, 40], [3, 4, 4, 9], [7, 7, 7, 7], [9, 9, 5, 5], [8, 2, 8, 6]],
        "shifted edges": [[0, 0, 49, 39], [2, 3, 3, 8], [6, 6, 6, 6], [8, 8, 4, 4], [7, 1, 7, 5]],
    }
    for kind, edges in expected.items():
        np.testing.assert_array_equal(to_edges(corners, kind), edges)
        assert to_edges(np.zeros((0, 4)), kind).shape == (0, 4)


def evidence(*boxes, tool=""):
    corners = np.array(boxes, float).reshape(-1, 4)
    return Evidence(corners, (50, 40), tool, bool((corners % 1).any()))


@pytest.mark.parametrize(
    ("boxes", "tool", "kind", "sure"),
    [
        ([(1, 5, 20, 20), (1, 9, 20, 20)], "", "pixels", False),
        ([(0, 5, 20, 20), (9, 9, 20, 20)], "", "edges", True),
        ([(0, 1, 20, 20), (1, 5, 20, 20)], "", "pixels", False),
        ([(5, 5, 20, 20)], "", "pixels", False),
        ([(5, 5.5, 20, 20), (1, 1, 9, 9)], "", "edges", True),
        ([(1, 1, 20, 20)], "labelImg", "raised edges", True),
        ([(1, 1, 20, 20)], "PASCAL VOC", "pixels", True),
        ([(2, 2, 20, 20)], "globox", "edges", True),
        ([(2, 2, 20, 20)], "Roboflow", "shifted edges", True),
        ([(2, 2, 20, 20)], "supervision", "pixels", False),
        ([(2, 2, 50, 20)], "supervision", "pixels", True),
        ([(2, 2, 51, 20)], "supervision", "shifted edges", True),
        ([(3, 3, 51, 41), (5, 5, 9, 9)], "", "shifted edges", True),
        ([(0, 3, 51, 41)], "", "edges", True),
        ([(3, 3, 90, 41)], "", "pixels", False),
    ],
)
def test_how_corners_count(boxes, tool, kind, sure):
    decision = decide([evidence(*boxes, tool=tool)])
    assert (decision.kind, decision.is_sure) == (kind, sure)
    assert ("one_based" in str(decision)) is not sure


def test_what_the_user_says_goes_before_all_evidence():
    assert decide([evidence((0, 0.5, 9, 9))], "true").kind == "pixels"
    assert decide([evidence((1, 1, 9, 9))], "false").kind == "edges"


def test_files_without_a_box_are_no_guess():
    assert decide([evidence()]).is_sure
    assert decide([]).is_sure


def test_each_tool_counts_in_its_own_way():
    files = [evidence((5, 5, 9, 9), tool="labelImg"), evidence((5, 5, 9, 9), tool="PASCAL VOC")]
    decisions = decide_by_tool(files)
    assert {tool: decision.kind for tool, decision in decisions.items()} == {
        "labelImg": "raised edges",
        "PASCAL VOC": "pixels",
    }
    assert describe(files, decisions).startswith("1 file of labelImg: edges from 0")


def test_two_files_with_decimals_do_not_shift_pascals_own():
    """VOC2012 has two."""
    files = [evidence((1, 1, 20, 20), tool="PASCAL VOC")] * 5 + [evidence((1, 4.5, 20, 20), tool="PASCAL VOC")]
    assert decide(files).kind == "pixels"
    assert decide(files[-1:] * 3).kind == "edges"


def test_a_slip_of_the_hand_is_no_proof():
    files = [evidence((1, 1, 20, 20))] * 40
    assert decide([*files, evidence((5, 5.5, 20, 20))]).kind == "pixels"
    assert decide([*files[:5], evidence((5, 5.5, 20, 20))]).kind == "edges"


def test_a_box_beyond_the_image_does_not_overrule_a_known_tool():
    assert decide([evidence((3, 3, 51, 41), tool="PASCAL VOC")]).kind == "pixels"
    assert decide([evidence((3, 3, 51, 41), tool="supervision")]).kind == "shifted edges"
