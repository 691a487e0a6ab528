"""The page at /: choose a picture, a window or a recording, see the answer.

One file, nothing from outside: it works without the internet.
"""

from __future__ import annotations

import html
from string import Template
from urllib.parse import quote

from bundle import Bundle
from classifier import Classifier
from head import Head

# What the page may load and do: its own style and script, pictures, requests to this server.
POLICY = ("default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src 'self' blob: data:; "
          "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")  # fmt: skip
MOST_SAMPLES = 12

PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>$name</title>
<style>
:root { color-scheme: light dark; --line: #8886; --good: #2a7d4f; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; }
#drop { border: 2px dashed var(--line); border-radius: 8px; padding: 1.5rem; text-align: center; }
#drop.over { border-color: var(--good); }
#samples { display: flex; flex-wrap: wrap; gap: .5rem; margin: 1rem 0; padding: 0; }
#samples button { padding: 4px; border: 1px solid var(--line); border-radius: 6px; background: none; cursor: pointer; }
#samples img { height: 64px; min-width: 40px; display: block; image-rendering: pixelated; }
#answer { min-height: 8rem; display: flex; gap: 1rem; align-items: center; }
#picture { height: 8rem; max-width: 50%; object-fit: contain; image-rendering: pixelated; }
#label { font-size: 2rem; margin: 0; overflow-wrap: anywhere; }
meter { width: 12rem; max-width: 100%; }
#heads { display: grid; grid-template-columns: auto 1fr; gap: 0 1rem; }
#heads:empty { display: none; }
#heads dd { margin: 0; overflow-wrap: anywhere; }
.note { font-size: .9rem; }
</style>
<h1>$name</h1>
<p>$what</p>
<div id="drop"><label>A $thing, dropped here or chosen:
  <input id="file" type="file" accept="$accept"></label></div>
<div id="samples">$samples</div>
<div id="answer" role="status" aria-live="polite"><img id="picture" alt="" hidden>
  <div><p id="label"></p><meter id="score" min="0" max="1" value="0" aria-label="score" hidden></meter>
  <dl id="heads"></dl><p class="note" id="note"></p></div></div>
<p class="note">By curl: <code>curl -F image=@$example <span class="at"></span>classify</code></p>
<script>
const get = id => document.getElementById(id);
document.querySelector(".at").textContent = new URL("./", location.href).href;
let shown = 0;
async function classify(blob) {
  const turn = ++shown;
  URL.revokeObjectURL(get("picture").src);
  get("picture").hidden = $pictures === false;
  if ($pictures) get("picture").src = URL.createObjectURL(blob);
  get("label").textContent = "…";
  get("score").hidden = true;
  get("note").textContent = "";
  get("heads").replaceChildren();
  let label = "", note, score = null, heads = {};
  try {
    const answer = await fetch("classify", {method: "POST", body: blob});
    const found = await answer.json();
    if (answer.ok) {
      label = found.label;
      score = found.score;
      heads = found.heads ?? {};
      note = `score $${found.score.toFixed(3)}, $${found.ms.toFixed(1)} ms, $${found.variant}`;
    } else note = found.error;
  } catch { note = "the server does not answer"; }
  if (turn !== shown) return;
  get("label").textContent = label;
  get("note").textContent = note;
  for (const [name, one] of Object.entries(heads)) {
    const term = document.createElement("dt"), said = document.createElement("dd");
    term.textContent = name;
    said.textContent = "value" in one ? one.label : `$${one.label}, $${one.score.toFixed(3)}`;
    get("heads").append(term, said);
  }
  get("score").hidden = score === null || !$share;
  get("score").value = score ?? 0;
}
get("file").onchange = event => event.target.files[0] && classify(event.target.files[0]);
for (const button of document.querySelectorAll("#samples button"))
  button.onclick = async () => classify(await (await fetch(button.dataset.from)).blob());
const drop = get("drop");
drop.ondragover = event => { event.preventDefault(); drop.className = "over"; };
drop.ondragleave = () => { drop.className = ""; };
drop.ondrop = event => {
  event.preventDefault(); drop.className = "";
  if (event.dataTransfer.files[0]) classify(event.dataTransfer.files[0]);
};
</script>
</html>
""")


MEDIA = {".png": "image/png", ".csv": "text/csv", ".wav": "audio/wav"}


def media_type(name: str) -> str:
    """Return what a sample is, as a browser is told."""
    return MEDIA[name[-4:]]


def samples_of(bundle: Bundle) -> dict[str, bytes]:
    """Return the bundle's sample pictures, windows or recordings by their names."""
    paths = [path for path in sorted((bundle.folder / "samples").glob("*.*")) if path.suffix in MEDIA]
    return {path.name: path.read_bytes() for path in paths[:MOST_SAMPLES]}


def page_of(classifier: Classifier) -> str:
    """Return the page as HTML."""
    bundle = classifier.bundle
    channels, height, width = bundle.shape
    figures = bundle.variants[classifier.variant]["figures"]
    right = f"; on its test split {figures}" if figures else ""
    thing, example, accept = "picture", "photo.png", "image/*"
    colours = {1: "gray", 3: "colour"}.get(channels, f"{channels}-channel")
    source = f"{width}x{height} {colours} pictures"
    if bundle.sound:
        thing, example, accept, source = "recording", "word.wav", ".wav,audio/wav", "sound"
    elif bundle.sampling:
        thing, example, accept = "window", "window.csv", ".csv,text/csv"
        source = f"windows of {width} samples of {', '.join(bundle.sampling['axes'])}"
    answers = ", ".join(f"{head.name} ({_described(head)})" for head in bundle.heads)
    if len(bundle.heads) == 1:
        answers = _described(bundle.heads[0])
    what = f"{classifier.variant}: {answers}, from {source}{right}."
    share = bundle.heads[0].kind not in ("value", "reconstruction")
    samples = "".join(_sample(name, thing == "picture") for name in samples_of(bundle))
    return PAGE.substitute(
        name=html.escape(bundle.name), what=html.escape(what), samples=samples, thing=thing, example=example,
        accept=accept, pictures=_script(thing == "picture"), share=_script(share),
    )  # fmt: skip


def _described(head: Head) -> str:
    return {"value": "a value", "reconstruction": "an error"}.get(head.kind, f"{len(head.classes)} classes")


def _sample(name: str, picture: bool) -> str:
    text, place = html.escape(name), f"samples/{quote(name)}"
    shown = f'<img src="{place}" alt="{text}">' if picture else text
    return f'<button title="{text}" data-from="{place}">{shown}</button>'


def _script(value: bool) -> str:
    return "true" if value else "false"
