"""Next letters by a model as those of Hugging Face: batches are dicts of its arguments, and it computes its own loss.

For the real thing, `transformers` and `datasets`, three lines change:

    model = lambda: AutoModelForCausalLM.from_pretrained("gpt2")
    rows = load_dataset("imdb", split="train").map(tokenize).with_format("torch")
    batches = lambda: DataLoader(rows, batch_size=8, shuffle=True, collate_fn=collator)
"""

from types import SimpleNamespace

import torch

target = 1.0
text = torch.tensor(list(b"to be or not to be that is the question " * 30)) - 32


class TinyModel(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.rnn, self.head = torch.nn.Embedding(96, 16), torch.nn.GRU(16, 32), torch.nn.Linear(32, 96)

    def forward(self, input_ids, labels=None):
        logits = self.head(self.rnn(self.embed(input_ids.T))[0]).transpose(0, 1)
        loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
        return SimpleNamespace(loss=loss, logits=logits)


model = TinyModel


def batches():
    rows = text[torch.randint(900, (16, 8, 1)) + torch.arange(12)]
    return ({"input_ids": row, "labels": row} for row in rows)


def loss(model, batch):
    return model(**batch).loss


def evaluate(model, device):
    rows = text[None, -300:].to(device)
    return {"loss": model(input_ids=rows, labels=rows).loss}
