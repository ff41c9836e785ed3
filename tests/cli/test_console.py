from multibox.cli.console import print_table, progress_bar, transfer_bars


def test_texts_that_look_like_markup_are_printed_as_they_are(capsys):
    print_table(["", "[bold]"], [("[/b]", "1")], [("[red]x", ":car:")], title="[i]all")
    printed = capsys.readouterr().out
    assert all(text in printed for text in ("[/b]", "[red]x", "[bold]", ":car:", "[i]all"))


def test_a_table_without_headings_has_no_line_of_headings(capsys):
    print_table(["", ""], [("a", "b")])
    assert [line for line in capsys.readouterr().out.splitlines() if " " in line] == ["│ a │ b │"]


def test_rows_beyond_the_most_are_counted(capsys):
    print_table(["", "n"], [("images", "7")], [(f"class{i}", "1") for i in range(5)], most=2)
    printed = capsys.readouterr().out
    assert [name in printed for name in ("images", "class0", "class1", "class2", "... and 3 more rows")] == [
        *(True, True, True, False, True)
    ]
    print_table(["", "n"], [(f"class{i}", "1") for i in range(2)], most=2)
    assert "more rows" not in capsys.readouterr().out


def test_there_is_no_bar_without_a_terminal(capsys):
    with progress_bar("working") as progress, transfer_bars() as transfer:
        progress(1, 2)
        transfer("file", 1, 2)
    assert capsys.readouterr().err == ""


def test_the_bar_says_images_a_second(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as if on a terminal
    with progress_bar("detecting", speed=True) as progress:
        for done in range(1, 4):
            progress(done, None)
    assert "images/s" in capsys.readouterr().err


def test_a_bar_can_wait_for_the_first_item(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress_bar("at once"), progress_bar("later", at_once=False):
        pass
    shown = capsys.readouterr().err
    assert "at once" in shown
    assert "later" not in shown
    with progress_bar("later", at_once=False) as progress:
        progress(1, 2)
    assert "later" in capsys.readouterr().err
