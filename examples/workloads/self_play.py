"""A game against itself: who takes the last of ten sticks wins, one to three a move; data of its own games."""

import torch

target, metric_name, steps = 0.9, "right moves", 200


def model():
    return torch.nn.Sequential(torch.nn.Embedding(11, 16), torch.nn.Linear(16, 3))


def batches(model, device):
    """Positions, moves and whether these won, of 64 games that the model plays now: an epoch of one batch."""
    left, moves = torch.full((64,), 10, device=device), []
    while (left > 0).any():
        taken = torch.distributions.Categorical(logits=model(left).detach()).sample()
        moves.append((left, taken, left > 0))
        left = (left - taken - 1).clamp(min=0)
    lengths = sum(playing.long() for *_, playing in moves)
    won = [(lengths - turn) % 2 * 2 - 1 for turn in range(len(moves))]
    on = torch.cat([playing for *_, playing in moves])
    yield (
        torch.cat([left for left, *_ in moves])[on],
        torch.cat([taken for _, taken, _ in moves])[on],
        torch.cat(won)[on],
    )


def loss(model, batch):
    """Moves of a winner become more likely, those of a loser less."""
    left, taken, won = batch
    return (torch.nn.functional.cross_entropy(model(left), taken, reduction="none") * won).mean()


def evaluate(model, device):
    left = torch.tensor([1, 2, 3, 5, 6, 7, 9, 10], device=device)
    best = left % 4 - 1  # leave a multiple of four
    output = model(left)
    right = (output.argmax(dim=1) == best).float().mean()
    return {"loss": torch.nn.functional.cross_entropy(output, best), "right moves": right}
