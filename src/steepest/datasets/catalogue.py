"""All data sets: what each is, its licence, where its files are, and their digests."""

from pathlib import Path

from ..base.text import Text
from .protein_list import listed, url
from .record import Bundled, Dataset, Debian, File, Npm, Package, Url

__all__ = ["DATASETS"]

UCI = "https://archive.ics.uci.edu/ml/machine-learning-databases"
ZALANDO = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion"
NOTO = "https://raw.githubusercontent.com/googlefonts/noto-emoji/v2.042/fonts"

MIT = Text("MIT", "MIT")


def _clothes(name: str, size: int, sha256: str) -> File:
    debian = Debian("dataset-fashion-mnist", f"/usr/share/datasets/fashion-mnist/{name}")
    return File(name, size, sha256, (debian, Url(f"{ZALANDO}/{name}")))


def _names(name: str, size: int, sha256: str) -> File:
    return File(name, size, sha256, (Package("emoji", "2.16.0", "emoji", f"unicode_codes/{name}"),))


def _make_quatrains(archive: Path) -> bytes:
    from .quatrains import make

    return make(archive)


def _make_emoji(font: Path, english: Path, chinese: Path) -> bytes:
    from .emoji import make

    return make(font, english, chinese)


def _structures() -> tuple[File, ...]:
    """The files of the chains; each chain is known by a digest of its own."""
    names = dict.fromkeys(name for name, *_ in listed())
    return tuple(File(f"{name}.pdb", 250_000, "", (Url(url(name)),)) for name in names)


def _make_proteins(*paths: Path) -> bytes:
    from .proteins import make

    return make(*paths)


_ALL = (
    Dataset(
        "digits",
        Text("1,797 images of handwritten digits, 8 x 8 pixels.", "1797 张 8×8 像素的手写数字图像。"),
        Text("CC BY 4.0", "CC BY 4.0"),
        "Alpaydin and Kaynak 1998, UCI; in scikit-learn",
        (
            File(
                "digits.csv.gz",
                57_523,
                "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8",
                (Bundled("sklearn", "datasets/data/digits.csv.gz"),),
            ),
        ),
    ),
    Dataset(
        "airfoil",
        Text("NASA's measurements of the noise of airfoils, 1,503 rows.", "NASA 的机翼自噪声测量，1503 行。"),
        Text("CC BY 4.0", "CC BY 4.0"),
        "Brooks, Pope and Marcolini 1989, UCI",
        (
            File(
                "airfoil_self_noise.dat",
                59_984,
                "74c75fd71783f1e6b71f8a622b993dc592897a97cd689c5090a07147a1b097b3",
                (Url(f"{UCI}/00291/airfoil_self_noise.dat"),),
            ),
        ),
    ),
    Dataset(
        "clothes",
        Text("Fashion-MNIST: 70,000 clothes, 28 x 28 pixels.", "Fashion-MNIST：70000 张 28×28 的服装图像。"),
        MIT,
        "Zalando, github.com/zalandoresearch/fashion-mnist",
        (
            _clothes(
                "train-images-idx3-ubyte.gz",
                26_421_856,
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            ),
            _clothes(
                "train-labels-idx1-ubyte.gz",
                29_491,
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            ),
            _clothes(
                "t10k-images-idx3-ubyte.gz",
                4_422_079,
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            ),
            _clothes(
                "t10k-labels-idx1-ubyte.gz", 5_125, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
            ),
        ),
    ),
    Dataset(
        "stamps",
        Text("Tux Paint's stamps: some 800 photographs and drawings.", "Tux Paint 的印章：约 800 张照片和图画。"),
        Text("GPL-2", "GPL-2"),
        "tuxpaint.org",
        (File("stamps", 160_880_444, "", (Debian("tuxpaint-stamps-default", "/usr/share/tuxpaint/stamps"),)),),
    ),
    Dataset(
        "language",
        Text("What help() says about Python, half a million characters.", "Python 的 help() 文档，约五十万字符。"),
        Text("PSF", "PSF"),
        "Python's own",
        (File("topics.py", 700_000, "", (Bundled("pydoc_data", "topics.py"),)),),
    ),
    Dataset(
        "quatrains",
        Text("9,919 quatrains of Tang and Song.", "9919 首唐宋绝句。"),
        Text("MIT; the poems are in the public domain", "MIT；诗作属于公有领域"),
        "npm chinese-poetry 2.0.1",
        (File("quatrains-10k.txt.gz", 514_581, "539e008068cb8e826e701dc6b59e0432a4449d275d85bff793c00c012ef7b63d"),),
        (
            File(
                "chinese-poetry-2.0.1.tgz",
                85_464_664,
                "25b549e46919c3a0569db6b68ddc96956b04a484ea4518ad2bbd4f137e307e86",
                (Npm("chinese-poetry", "2.0.1"),),
            ),
        ),
        _make_quatrains,
    ),
    Dataset(
        "spelling",
        Text("Common misspellings and what was meant.", "常见拼写错误及其正确写法。"),
        Text("CC BY-SA 3.0", "CC BY-SA 3.0"),
        "PyPI codespell 2.4.3",
        (
            File(
                "codespell-dictionary.txt",
                1_496_821,
                "a457564a466120c728361e9c759b6a6ef05c2acc05c7e12d1ba0eb251036f42d",
                (Package("codespell", "2.4.3", "codespell_lib", "data/dictionary.txt"),),
            ),
        ),
    ),
    Dataset(
        "emoji",
        Text("3,812 emoji, 32 x 32, named in English and Chinese.", "3812 个 32×32 的表情符号，附中英文名称。"),
        Text("OFL 1.1; names: Unicode", "OFL 1.1；名称：Unicode"),
        "Noto Color Emoji 2.042; PyPI emoji 2.16.0",
        (File("emoji.npz", 3_262_228, "5fb3f9dea444c20bfbbb3313878d837afc267577bea5ac15cd0e5053fe8da863"),),
        (
            File(
                "NotoColorEmoji.ttf",
                10_980_856,
                "",  # builds differ; the pictures do not
                (
                    Debian("fonts-noto-color-emoji", "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"),
                    Url(f"{NOTO}/NotoColorEmoji.ttf"),
                ),
            ),
            _names("emoji.json", 531_550, "68d0dc4ac61ccb49c1335809ffb963bcca0fdb4a7e04278ff597125a2b043122"),
            _names("emoji_zh.json", 246_180, "090339fb5f9f9d00c8330e7c276596af16a852556820d9b2c923501e56b06a09"),
        ),
        _make_emoji,
    ),
    Dataset(
        "proteins",
        Text("203 chains of proteins, 37,848 residues.", "203 条蛋白质链，37848 个残基。"),
        Text("CC0", "CC0"),
        "Protein Data Bank; docking benchmark 5, github.com/haddocking/BM5-clean",
        (File("proteins.npz", 1_041_458, "fbb9446c6bf9a24b96ab988c0c67c545fcb47bbc9f1a194ad4b44b58690ba0ae"),),
        _structures(),
        _make_proteins,
    ),
)

DATASETS = {dataset.name: dataset for dataset in _ALL}
"""By name."""
