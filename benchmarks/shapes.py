"""Parameter shapes of real networks."""

__all__ = ["SHAPES"]

Shape = tuple[int, ...]


def mlp() -> list[Shape]:
    """A 3-layer network for images of 28 x 28: 6 tensors, 0.27 million numbers."""
    return [(256, 784), (256,), (256, 256), (256,), (10, 256), (10,)]


def resnet18() -> list[Shape]:
    """ResNet-18 (He et al. 2016): 62 tensors, 11.7 million numbers."""
    shapes: list[Shape] = [(64, 3, 7, 7), (64,), (64,)]
    before = 64
    for width in (64, 128, 256, 512):
        for block in range(2):
            shapes += [(width, before if block == 0 else width, 3, 3), (width,), (width,)]
            shapes += [(width, width, 3, 3), (width,), (width,)]
            if block == 0 and before != width:
                shapes += [(width, before, 1, 1), (width,), (width,)]
        before = width
    return [*shapes, (1000, 512), (1000,)]


def gpt2(width: int = 768, blocks: int = 12) -> list[Shape]:
    """GPT-2 (Radford et al. 2019): 12 tensors a block and four; 124 million numbers, or 1.56 billion of width 1600."""
    block: list[Shape] = [
        (width,), (width,), (width, 3 * width), (3 * width,), (width, width), (width,),
        (width,), (width,), (width, 4 * width), (4 * width,), (4 * width, width), (width,),
    ]  # fmt: skip
    return [(50257, width), (1024, width), *block * blocks, (width,), (width,)]


SHAPES = {"mlp": mlp(), "resnet18": resnet18(), "gpt2": gpt2(), "gpt2-1.5b": gpt2(1600, 48)}
