"""The page of a training that goes wrong: python examples/diagnosis.py [folder].

A classifier is trained at a learning rate that is too high. The folder gets `run.html`, and where Debian's `chromium`
is installed `diagnosis.png`, a picture of its first screen; `zh/` in it the same in Chinese.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import torch
from torch import nn

import steepest


def main(folder: Path) -> None:
    """Train, try what the doctor advises, and write the page."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9)
    rule = torch.randn(8, 4)
    with steepest.watch(model, optimizer, budget=0.3, tell=print) as doctor:
        for _ in range(400):
            inputs = torch.randn(64, 8)
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(inputs), (inputs @ rule).argmax(1))
            loss.backward()
            optimizer.step()
            doctor.step(loss)
    for finding in doctor.findings:
        print(doctor.prove(finding))
    for lang, place in (("en", folder), ("zh", folder / "zh")):
        place.mkdir(exist_ok=True)
        page = doctor.report(place / "run.html", lang)
        if chromium := shutil.which("chromium"):
            picture = [f"--screenshot={place / 'diagnosis.png'}", "--window-size=1280,820", "--hide-scrollbars"]
            options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000"]
            subprocess.run([chromium, *options, *picture, page.resolve().as_uri()], check=True, capture_output=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
