"""The packed modules of a site: they do what the modules do that they are made of."""

from multibox.page.packing import pack

PAGE = {
    "index.html": """<link rel="icon" href="icon.svg">
<script type="module" async src="room/apart.js"></script>
<script type="module" src="room/main.js"></script>""",
    "icon.svg": "<svg/>",
    "room/main.js": """// Main.
import { counter } from "../other/counter.js";
import { worker } from "./apart.js";
import { double as twice, NAME, Square } from "./numbers.js";

export function answer(x) {
  return [twice(x), new Square(x).area, NAME, counter.count(), worker.slice(-14)];
}
""",
    "room/numbers.js": """import {
  counter,
} from "../other/counter.js";
import { double as add } from "../other/double.js";

const hidden = counter.count();
export const NAME = `hidden ${hidden}`;
export class Square {
  constructor(side) {
    this.area = side * side;
  }
}
export function double(x) {
  return add(x);
}
""",
    "other/counter.js": "let hidden = 0;\nexport const counter = { count: () => ++hidden };\n",
    "other/double.js": "const hidden = 2;\nexport const double = (x) => hidden * x;\n",
    "room/apart.js": 'export const worker = new URL("./worker.js", import.meta.url).pathname;\n',
    "room/worker.js": 'import { double } from "../other/double.js";\n\nexport const four = () => double(2);\n',
}


def test_packed_scripts_answer_as_their_modules_do(node, tmp_path):
    page = {name: text.encode() for name, text in PAGE.items()}
    for folder, files in (("plain", page), ("packed", pack(page))):
        for name, content in files.items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        room = f"{tmp_path}/{folder}/room"
        answer, four = node([(f"{room}/main.js", "answer", 7), (f"{room}/worker.js", "four")])
        assert answer == [14, 49, "hidden 1", 2, "room/worker.js"]
        assert four == 4


def test_only_scripts_are_left():
    packed = pack({name: text.encode() for name, text in PAGE.items()})
    assert set(packed) == {"index.html", "icon.svg", "room/main.js", "room/apart.js", "room/worker.js"}
    assert packed["room/main.js"].count(b"import ") == 1
    assert b'import { worker } from "./apart.js";' in packed["room/main.js"]
