"""Programs of `fifth` about words, texts and names."""

import math
import random
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from .fifth_parts import epochs, loader, right
from .parts import Judged, Program, Watch, generator_of, register_judged

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


# --- words and their tags ---------------------------------------------------------------------------------------------


@cache
def _tagged() -> tuple[Tensor, Tensor]:
    """Sentences of 12 out of 60 words, and tags: of half of the words, they depend on the word before or behind."""
    words = torch.randint(60, (2400, 12), generator=generator_of(41))
    kinds = words % 4
    before, behind = functional.pad(kinds, (1, 0))[:, :-1], functional.pad(kinds, (0, 1))[:, 1:]
    tags = torch.where(kinds == 2, 2 + (before % 2), torch.where(kinds == 3, 4 + (behind % 2), kinds))
    return words, tags


class Tagger(nn.Module):
    """A GRU in both directions, and a tag for each word."""

    def __init__(self, last: nn.Module) -> None:
        super().__init__()
        self.words = nn.Embedding(60, 16)
        self.gru = nn.GRU(16, 24, batch_first=True, bidirectional=True)
        self.tags = nn.Sequential(nn.Linear(48, 6), last)

    def forward(self, words: Tensor) -> Tensor:
        return self.tags(self.gru(self.words(words))[0])


@fault("softmax_twice")
def tagger_that_ends_in_probabilities(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The tagger's last layer is a softmax over the tags, and its loss is CrossEntropyLoss."""
    words, tags = _tagged()
    tagger = Tagger(nn.Identity() if fixed else nn.Softmax(dim=-1))
    optimizer = torch.optim.SGD(tagger.parameters(), lr=0.3, momentum=0.9, nesterov=True)
    criterion = nn.CrossEntropyLoss()
    doctor = watch(tagger, optimizer)
    for sentence, labels in epochs(loader(words[:2000], tags[:2000], size=24, seed=seed), steps):
        optimizer.zero_grad()
        loss = criterion(tagger(sentence).transpose(1, 2), labels)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return right(tagger(words[2000:]), tags[2000:])

    return doctor, quality


# --- reviews ----------------------------------------------------------------------------------------------------------


@cache
def _reviews() -> list[str]:
    """Lines of a file, such as "i loved this long film<tab>positive<newline>"."""
    pick = random.Random(42)
    praise, blame = ["loved", "liked", "enjoyed", "praised"], ["hated", "left", "regretted", "disliked"]
    lines = []
    for _ in range(1500):
        good = pick.random() < 0.5
        verbs, others = (praise, blame) if good else (blame, praise)
        words = [pick.choice(["i", "we", "they", "everyone"]), pick.choice(verbs), pick.choice(["this", "that", "the"])]
        words += [pick.choice(["long", "short", "old", "new"]), pick.choice(["film", "play", "book", "song"])]
        if pick.random() < 0.15:
            words += ["though", "others", pick.choice(others), "it"]
        pick.shuffle(words)
        lines.append(" ".join(words) + "\t" + ("positive" if good else "negative") + "\n")
    return lines


@fault("labels")
def labels_with_a_newline(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Lines are split at the tab but not stripped, so that each label ends in a newline and none equals "positive"."""
    texts, labels = [], []
    for line in _reviews():
        text, label = (line.strip() if fixed else line).split("\t")
        texts.append(text.split())
        labels.append(float(label == "positive"))
    places = {word: place for place, word in enumerate(sorted({word for text in texts for word in text}))}
    model = nn.Sequential(nn.EmbeddingBag(len(places), 16), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.05)

    def read(chosen: list[int]) -> Tensor:
        bags = [torch.tensor([places[word] for word in texts[row]]) for row in chosen]
        starts = torch.tensor([0] + [len(bag) for bag in bags[:-1]]).cumsum(0)
        return model[3](model[2](model[1](model[0](torch.cat(bags), starts)))).squeeze(1)

    pick = random.Random(seed)
    doctor = watch(model, optimizer)
    for _ in range(steps):
        chosen = pick.sample(range(1200), 32)
        optimizer.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(read(chosen), torch.tensor([labels[row] for row in chosen]))
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        held = list(range(1200, 1500))
        good = torch.tensor(["positive" in _reviews()[row] for row in held])
        with torch.no_grad():
            return float(((read(held) > 0) == good).float().mean())

    return doctor, quality


# --- a language -------------------------------------------------------------------------------------------------------


@cache
def _text() -> tuple[Tensor, int]:
    """Windows of 17 words out of sentences whose verbs depend on subjects and whose objects depend on verbs."""
    pick = random.Random(43)
    nouns = ["dog", "cat", "fox", "hen", "boy", "girl", "king", "cook"]
    verbs = ["sees", "hears", "takes", "paints", "finds", "sells", "keeps", "loses", "eats", "breaks"]
    things = ["bread", "soup", "coins", "books", "roses", "clocks", "boats", "shoes", "maps", "plums", "bells", "eggs"]
    stream: list[str] = []
    while len(stream) < 17 * 1200:
        noun, many = pick.randrange(8), pick.random() < 0.3
        verb = (noun + pick.choice([0, 0, 3])) % 10
        thing = (verb + pick.choice([0, 0, 0, 5])) % 12
        stream += ["every" if many else "the", nouns[noun], verbs[verb], "two" if many else "old", things[thing]]
        stream += ["at", pick.choice(["noon", "night"]), "."] if pick.random() < 0.5 else ["."]
    places = {word: place for place, word in enumerate(sorted(set(stream)))}
    rows = torch.tensor([places[word] for word in stream[: 17 * 1200]]).reshape(1200, 17)
    return rows, len(places)


class Writer(nn.Module):
    """A causal transformer whose output matrix is that of its embeddings."""

    def __init__(self, words: int, spread: float, width: int = 48) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(words, width), nn.Embedding(16, width)
        for table in (self.words, self.places):
            nn.init.normal_(table.weight, std=spread)
        self.block = nn.TransformerEncoderLayer(width, 4, 2 * width, 0.0, "gelu", batch_first=True, norm_first=True)
        self.norm = nn.LayerNorm(width)
        self.register_buffer("mask", torch.full((16, 16), -math.inf).triu(1))

    def forward(self, words: Tensor) -> Tensor:
        hidden = self.words(words) + self.places(torch.arange(16))
        return self.norm(self.block(hidden, src_mask=self.mask)) @ self.words.weight.T


def _surprise(model: nn.Module, rows: Tensor) -> Tensor:
    return functional.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())


@fault("init_large")
def tied_to_embeddings_as_torch_draws_them(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The output matrix is tied to an nn.Embedding, whose numbers torch draws with standard deviation 1."""
    rows, words = _text()
    model = Writer(words, 0.02 if fixed else 1.0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    doctor = watch(model, optimizer)
    for (batch,) in epochs(loader(rows[:1000], size=16, seed=seed), steps):
        loss = _surprise(model, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return -float(_surprise(model, rows[1000:]))

    return doctor, quality


class Dilated(nn.Module):
    """Causal convolutions over the words before."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.words = nn.Embedding(words, 32)
        self.near, self.far = nn.Conv1d(32, 48, 2), nn.Conv1d(48, 48, 2, dilation=2)
        self.next = nn.Linear(48, words)

    def forward(self, words: Tensor) -> Tensor:
        hidden = self.words(words).transpose(1, 2)
        hidden = torch.relu(self.near(functional.pad(hidden, (1, 0))))
        hidden = torch.relu(self.far(functional.pad(hidden, (2, 0))))
        return self.next(hidden.transpose(1, 2))


@fault("lr_high")
def summed_over_the_words(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The loss is a sum over a sentence's words, at a learning rate that was chosen for their mean."""
    rows, words = _text()
    model = Dilated(words)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.5)
    doctor = watch(model, optimizer)
    for (batch,) in epochs(loader(rows[:1000], size=32, seed=seed), steps):
        each = functional.cross_entropy(model(batch[:, :-1]).transpose(1, 2), batch[:, 1:], reduction="none")
        loss = each.mean() if fixed else each.sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return -float(_surprise(model, rows[1000:]))

    return doctor, quality


# --- names ------------------------------------------------------------------------------------------------------------


@cache
def _names() -> tuple[Tensor, Tensor, Tensor]:
    """Names of up to 9 letters, padded by 0 in front, in 5 languages with their own shares of letters and endings."""
    pick = random.Random(44)
    shares = [[pick.expovariate(1.0) ** 1.5 for _ in range(15)] for _ in range(5)]
    vowels = [[pick.expovariate(1.0) for _ in range(5)] for _ in range(5)]
    names, languages, women = [], [], []
    for _ in range(3000):
        language, woman = pick.randrange(5), pick.random() < 0.5
        letters = []
        for _ in range(pick.choice([2, 2, 3, 4])):
            letters += pick.choices(range(1, 16), shares[language]) + pick.choices(range(16, 21), vowels[language])
        if pick.random() < 0.9:
            letters = [*letters, 1 + (3 * language) % 15] if not woman else [*letters[:-1], 16 + language]
        names.append([0] * (9 - len(letters)) + letters)
        languages.append(language)
        women.append(int(woman))
    return torch.tensor(names), torch.tensor(languages), torch.tensor(women)


class Reader(nn.Module):
    """A GRU that reads a name, and a head for each question about it."""

    def __init__(self, *answers: int, width: int = 32) -> None:
        super().__init__()
        self.letters = nn.Embedding(21, 12, padding_idx=0)
        self.gru = nn.GRU(12, width, batch_first=True)
        self.heads = nn.ModuleList(nn.Linear(width, number) for number in answers)

    def forward(self, names: Tensor) -> list[Tensor]:
        last = self.gru(self.letters(names))[1][0]
        return [head(last) for head in self.heads]


@fault("clip")
def clipped_as_a_critic_is(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Gradients are clipped to a norm of 0.01, the number that another paper clips the weights of its critic to."""
    names, languages, _ = _names()
    model = Reader(5)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.8)
    doctor = watch(model, optimizer)
    for name, language in epochs(loader(names[:2500], languages[:2500], size=32, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(name)[0], language)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0 if fixed else 0.01)
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return right(model(names[2500:])[0], languages[2500:])

    return doctor, quality


@fault("overfitting")
def subset_for_a_quick_look(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The first 64 names, which were taken to see whether the script runs, are still all that it trains on."""
    names, languages, women = _names()
    model = Reader(5, 2, width=48)
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)

    def both(name: Tensor, language: Tensor, woman: Tensor) -> Tensor:
        tongue, gender = model(name)
        return functional.cross_entropy(tongue, language) + functional.cross_entropy(gender, woman)

    def validation() -> float:
        with torch.no_grad():
            return float(both(names[2500:2750], languages[2500:2750], women[2500:2750]))

    data = TensorDataset(*(column[: 2500 if fixed else 64] for column in (names, languages, women)))
    doctor = watch(model, optimizer, validation=validation)
    for batch in epochs(DataLoader(data, batch_size=32, shuffle=True, drop_last=True), steps):
        optimizer.zero_grad()
        loss = both(*batch)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return -float(both(names[2750:], languages[2750:], women[2750:]))

    return doctor, quality
