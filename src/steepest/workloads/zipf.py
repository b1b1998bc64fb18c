"""Rare words: short texts whose words have Zipf's frequencies, told good from bad by a weight for each word."""

import torch
from torch import Tensor, nn

about_zh = "罕见词：短文本的词频服从齐普夫定律，线性模型给每个词一个权重来判断好坏。"
metric_name = "accuracy"
target = 0.85
batch_size = 64
steps = 400

loss = nn.functional.binary_cross_entropy_with_logits

VOCABULARY, LENGTH = 2000, 10
TEXTS, HELD_OUT = 16000, 2000


def data() -> tuple[Tensor, ...]:
    """Texts of 10 words, the k-th most frequent with probability proportional to 1/k.

    A text is good if the sum of its words' values is in the upper half; a value is drawn with a standard deviation of
    log(1/frequency), the information in seeing the word. So much of what there is to learn lies in words that few
    batches hold: a learning rate for all words that falls with the steps is small before they have been seen, and
    AdaGrad's, which falls for each word as it is seen, is not.
    """
    generator = torch.Generator().manual_seed(0)
    frequency = 1 / torch.arange(1, VOCABULARY + 1, dtype=torch.float64)
    frequency /= frequency.sum()
    texts = torch.multinomial(frequency, (TEXTS + HELD_OUT) * LENGTH, replacement=True, generator=generator)
    texts = texts.reshape(-1, LENGTH)
    values = -frequency.log() * torch.randn(VOCABULARY, dtype=torch.float64, generator=generator)
    sums = values[texts].sum(dim=1, keepdim=True)
    good = (sums > sums.median()).float()
    return texts[:TEXTS], good[:TEXTS], texts[TEXTS:], good[TEXTS:]


def model() -> nn.Module:
    """Logistic regression on the counts of words, which starts near 0."""
    weights = nn.EmbeddingBag(VOCABULARY, 1, mode="sum")
    nn.init.normal_(weights.weight, std=0.01)
    return weights


def metric(output: Tensor, good: Tensor) -> Tensor:
    return ((output > 0) == (good > 0.5)).float().mean()
