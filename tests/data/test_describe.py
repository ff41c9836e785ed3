from rich.console import Console

from multibox.data.describe import counts_table
from multibox.data.store import Counts


def test_names_that_look_like_markup(capsys):
    Console(width=80).print(counts_table(["[/b]", "[red]x"], {"[bold]": Counts(1, 2, {"[/b]": 1, "[red]x": 1})}))
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("[/b]", "[red]x", "[bold]"))
