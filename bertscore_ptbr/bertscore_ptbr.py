"""BERTScore for reports in Brazilian Portuguese, as a module of `evaluate` that runs alone.

    metric = evaluate.load("<namespace>/bertscore_ptbr")
    metric.compute(predictions=["Não há pneumotórax."], references=["Sem pneumotórax."], setup="bertimbau")

or, without `evaluate`, as a function of this file:

    from bertscore_ptbr import bertscore
    bertscore(["Não há pneumotórax."], ["Sem pneumotórax."], setup="bertimbau")

Of the two setups `bertimbau` matches Portuguese with Portuguese, `xlm-roberta` also with the English original. The
score is that of Zhang et al., "BERTScore: Evaluating Text Generation with BERT" (ICLR 2020): for each token of one
text the highest cosine to a token of the other, averaged over the prediction (precision) and over the reference
(recall). Nothing that is scored is written to disk.
"""

from __future__ import annotations

import functools
import hashlib
import statistics
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import transformers
from torch.nn.utils.rnn import pad_sequence
from tqdm.auto import tqdm

try:
    import datasets
    import evaluate
except ImportError:  # `bertscore` needs neither
    evaluate = None

VERSION = "1.0.0"
SETUPS = {"bertimbau": ("neuralmind/bert-base-portuguese-cased", 12), "xlm-roberta": ("xlm-roberta-large", 17)}
AGGREGATES: dict[str | None, Callable[[list[float]], Any]] = {
    None: list,
    "mean": statistics.fmean,
    "median": statistics.median,
    "min": min,
    "max": max,
}
CHUNK_TOKENS = 1 << 17  # tokens whose embeddings are held at once: half a gigabyte at 1,024 dimensions
PAIRS_AT_ONCE = 32  # pairs whose cosines are computed together: more pad all to the longest of them
TEXTS_AT_ONCE = 2048  # texts that are tokenised together: a long list is never held as tokens whole
PAPER = "https://openreview.net/forum?id=SkeHuCVFDr"

CITATION = f"""@inproceedings{{zhang2020bertscore,
  title     = {{{{BERTScore}}: Evaluating Text Generation with {{BERT}}}},
  author    = {{Zhang, Tianyi and Kishore, Varsha and Wu, Felix and Weinberger, Kilian Q. and Artzi, Yoav}},
  booktitle = {{International Conference on Learning Representations}},
  year      = {{2020}},
  url       = {{{PAPER}}}
}}"""
INPUTS = """
Args:
    predictions (list of str): what is scored; an empty text scores 0.
    references (list of str, or of lists of str): as many; of several references the best counts, as in bert-score.
    setup (str): "bertimbau" (default) or "xlm-roberta", which stand for an encoder and its layer.
    model_type, num_layers, revision: another encoder (repo id or folder), its layer, its commit or tag.
    idf (bool or list of str): weigh tokens by their rarity in the references, or in these texts. Default False.
    device (str): "auto" (default), "cpu", "cuda" or "cuda:1".
    dtype (str): "float32" (default) or "bfloat16", which GPUs and CPUs with instructions for it multiply faster.
    max_length (int): texts are cut after so many tokens, special ones counted. Default 512.
    batch_tokens (int): tokens a batch, padding counted. Default 1024 on a CPU, else 8192.
    batch_size (int): at most so many texts a batch. Default: as many as batch_tokens allows.
    aggregate (str): "mean", "median", "min" or "max" of the scores instead of one per pair.
    all_layers (bool): score every layer, the first of them the embeddings below all layers.
    rescale_with_baseline (bool): make `baseline_path`'s scores 0, and leave 1 where it is.
    baseline_path (str): a file of lines LAYER,P,R,F, as bert-score has them in its folder rescale_baseline.
    verbose (bool): show a progress bar.
    progress (callable): called with the number of pairs scored since the last call.
    lang (str): "pt" or "pt-br" or, with model_type, any: it decides nothing.
    nthreads, use_fast_tokenizer: taken for the sake of those who come from bert-score; they change no score here.
Returns:
    precision, recall, f1 (list of float): a score per pair, or one float each with `aggregate`; with `all_layers` a
        list of these, one for each layer.
    signature (str): what the numbers depend on, where evaluate's bertscore has its hashcode.
    truncated, empty (list of bool): whether a text of the pair was cut, and held no token; a count with `aggregate`.
"""


class Text(NamedTuple):
    """The tokens of a text, special ones included (int32), whether it was cut and whether it is empty without them."""

    ids: np.ndarray
    truncated: bool
    empty: bool


class Encoder:
    """A tokenizer and the layers of an encoder up to the one that is used: those above are not even loaded.

    Args:
        model_type: repo id on the Hub, or a folder.
        num_layers: the layer whose output stands for a token, 0 for the embeddings below all layers; None: each.
        revision: commit, tag or branch.
        device: "cpu", "cuda" or "cuda:1".

    Raises:
        ValueError: the model has no such layer, or is not an encoder.
    """

    def __init__(self, model_type: str, num_layers: int | None, revision: str | None, device: str):
        config = transformers.AutoConfig.from_pretrained(model_type, revision=revision)
        layers = 0 if config.is_encoder_decoder else getattr(config, "num_hidden_layers", 0)
        if not layers or num_layers not in (None, *range(layers + 1)):
            raise ValueError(f"num_layers is {num_layers}, and {_name(model_type)} has {layers} layers of an encoder")
        config.num_hidden_layers = layers if num_layers is None else num_layers
        verbosity = transformers.logging.get_verbosity()
        transformers.logging.set_verbosity_error()  # it would list the layers that are left out
        try:
            model = transformers.AutoModel.from_pretrained(model_type, revision=revision, config=config)
        finally:
            transformers.logging.set_verbosity(verbosity)
        self.model = model.float().eval().to(device)
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(model_type, revision=revision)
        self.device = torch.device(device)
        self.layers = range(layers + 1) if num_layers is None else [num_layers]
        # RoBERTa counts positions from after the id of its padding token; a tokenizer may not know any limit.
        first = getattr(getattr(model, "embeddings", None), "padding_idx", -1) + 1
        positions = getattr(config, "max_position_embeddings", self.tokenizer.model_max_length) - first
        self.longest = min(self.tokenizer.model_max_length, positions)
        layer = "all" if num_layers is None else num_layers
        self.signature = f"model:{_name(model_type)}|revision:{_commit(model_type, revision)}|layer:{layer}"

    def tokenize(self, texts: Sequence[str], max_length: int) -> Iterator[Text]:
        """Yield the tokens of each text, cut after `max_length`."""
        special = self.tokenizer.num_special_tokens_to_add()
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            some = [text.strip() for text in texts[start : start + TEXTS_AT_ONCE]]
            for encoding in self.tokenizer(some, truncation=True, max_length=max_length).encodings:
                ids = np.array(encoding.ids, dtype=np.int32)
                yield Text(ids, truncated=bool(encoding.overflowing), empty=len(ids) <= special)

    @torch.no_grad()
    def embed(self, texts: Sequence[Text], batch_tokens: int, batch_size: int) -> Iterator[tuple[int, torch.Tensor]]:
        """Yield position in `texts` and embeddings (tokens x layers x dimensions, of norm 1), longest text first."""
        order = sorted(range(len(texts)), key=lambda at: -len(texts[at].ids))
        while order:
            count = min(batch_size, max(1, batch_tokens // len(texts[order[0]].ids)))
            batch, order = order[:count], order[count:]
            rows = [torch.from_numpy(texts[at].ids).long() for at in batch]
            ids = pad_sequence(rows, batch_first=True, padding_value=self.tokenizer.pad_token_id or 0)
            mask = pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
            every = len(self.layers) > 1
            output = self.model(ids.to(self.device), mask.to(self.device), output_hidden_states=every)
            layers = output.hidden_states if every else [output.last_hidden_state]
            embeddings = torch.nn.functional.normalize(torch.stack(list(layers), dim=2).float(), dim=-1)
            for at, row, embedding in zip(batch, rows, embeddings, strict=True):
                yield at, embedding[: len(row)].clone()  # a view would keep the whole batch

    def weights(self, documents: Sequence[Text]) -> np.ndarray:
        """Weigh every token id by its inverse document frequency; without documents 1, and 0 for special tokens."""
        if not documents:
            weights = np.ones(len(self.tokenizer), dtype=np.float32)
            around = (self.tokenizer.cls_token_id, self.tokenizer.sep_token_id)
            weights[[token for token in around if token is not None]] = 0
            return weights
        seen = np.zeros(len(self.tokenizer), dtype=np.int64)
        for text in documents:
            seen[np.unique(text.ids)] += 1
        return np.log((len(documents) + 1) / (seen + 1)).astype(np.float32)


ENCODERS = functools.lru_cache(maxsize=2)(Encoder)
LOADING = threading.Lock()


def load_encoder(model_type: str, num_layers: int | None, revision: str | None, device: str) -> Encoder:
    """Load an encoder once for all calls of a process, one at a time: transformers changes torch while it loads."""
    with LOADING:
        return ENCODERS(model_type, num_layers, revision, device)


class Scorer(NamedTuple):
    """Scores pairs out of `texts`: each text is embedded once, and memory does not grow with their number."""

    encoder: Encoder
    texts: Sequence[Text]
    weights: np.ndarray
    batch_tokens: int
    batch_size: int
    dtype: str

    @torch.no_grad()
    def score(self, pairs: np.ndarray, advance: Callable[[int], Any]) -> np.ndarray:
        """Score `pairs` (pairs x 2, positions in `texts`: prediction, reference).

        Returns:
            Precision, recall and F1, pairs x layers x 3.
        """
        scores = np.zeros((len(pairs), len(self.encoder.layers), 3), dtype=np.float32)
        scored = np.flatnonzero(~np.array([text.empty for text in self.texts])[pairs].any(axis=1))
        advance(len(pairs) - len(scored))
        lengths = np.array([len(text.ids) for text in self.texts])
        left, right = pairs[scored].T
        # Pairs that share a reference lie side by side, and so do pairs of like length.
        order = scored[np.lexsort((lengths[left], right, lengths[right]))]
        needed = Counter(pairs[scored].ravel().tolist())
        held: dict[int, torch.Tensor] = {}
        for chunk in self._chunks(pairs, order):
            self._embed({text for pair in chunk for text in pairs[pair].tolist()}, held)
            for start in range(0, len(chunk), PAIRS_AT_ONCE):
                some = chunk[start : start + PAIRS_AT_ONCE]
                scores[some] = self._match(pairs[some], held).cpu().numpy()
                advance(len(some))
            needed.subtract(pairs[chunk].ravel().tolist())
            self._release(held, needed)
        return scores

    def _chunks(self, pairs: np.ndarray, order: np.ndarray) -> Iterator[list[int]]:
        chunk: list[int] = []
        distinct: set[int] = set()
        tokens = 0
        for pair in order.tolist():
            new = set(pairs[pair].tolist()) - distinct
            tokens += sum(len(self.texts[text].ids) for text in new)
            if tokens * len(self.encoder.layers) > CHUNK_TOKENS and chunk:
                yield chunk
                chunk, distinct, new = [], set(), set(pairs[pair].tolist())
                tokens = sum(len(self.texts[text].ids) for text in new)
            chunk.append(pair)
            distinct |= new
        if chunk:
            yield chunk

    def _embed(self, wanted: set[int], held: dict[int, torch.Tensor]) -> None:
        missing = sorted(wanted - held.keys())
        dtype = torch.bfloat16 if self.dtype == "bfloat16" else None
        with torch.autocast(self.encoder.device.type, dtype=dtype, enabled=dtype is not None):
            texts = [self.texts[text] for text in missing]
            for at, embedding in self.encoder.embed(texts, self.batch_tokens, self.batch_size):
                held[missing[at]] = embedding

    def _match(self, pairs: np.ndarray, held: dict[int, torch.Tensor]) -> torch.Tensor:
        sides = []
        for column in pairs.T.tolist():
            tokens = pad_sequence([held[text] for text in column], batch_first=True)
            shares = [torch.from_numpy(_shares(self.weights[self.texts[text].ids])) for text in column]
            lengths = torch.tensor([len(share) for share in shares])[:, None]
            outside = (torch.arange(tokens.shape[1]) >= lengths).to(tokens.device)
            padded = pad_sequence(shares, batch_first=True).to(tokens.device)
            sides.append((tokens.transpose(1, 2), padded[:, None], outside[:, None]))
        (left, left_shares, left_outside), (right, right_shares, right_outside) = sides
        cosine = left @ right.transpose(2, 3)  # pairs x layers x tokens of the one x tokens of the other
        # Padding is a row of zeros, which would be the best match where all cosines are negative.
        to_right = cosine.masked_fill(right_outside[:, :, None, :], -torch.inf).amax(dim=3)
        to_left = cosine.masked_fill(left_outside[:, :, :, None], -torch.inf).amax(dim=2)
        precision, recall = (to_right * left_shares).sum(-1), (to_left * right_shares).sum(-1)
        return torch.stack([precision, recall, (2 * precision * recall / (precision + recall)).nan_to_num(0.0)], dim=-1)

    def _release(self, held: dict[int, torch.Tensor], needed: Counter[int]) -> None:
        """Drop what no later pair needs, and what is needed least of the rest above a chunk's worth of tokens."""
        tokens = 0
        for text in sorted(held, key=lambda text: -needed[text]):
            tokens += len(held[text])
            if not needed[text] or tokens * len(self.encoder.layers) > CHUNK_TOKENS:
                del held[text]


def bertscore(
    predictions: Sequence[str],
    references: Sequence[str] | Sequence[list[str]],
    setup: str = "bertimbau",
    model_type: str | None = None,
    num_layers: int | None = None,
    revision: str | None = None,
    idf: bool | list[str] = False,
    device: str | None = "auto",
    dtype: str = "float32",
    max_length: int = 512,
    batch_tokens: int | None = None,
    batch_size: int | None = None,
    aggregate: str | None = None,
    all_layers: bool = False,
    rescale_with_baseline: bool = False,
    baseline_path: str | None = None,
    verbose: bool = False,
    progress: Callable[[int], Any] | None = None,
    lang: str | None = None,
    nthreads: int = 0,
    use_fast_tokenizer: bool = True,
) -> dict[str, Any]:
    """Score predictions against references; the arguments and the result are those of the metric (INPUTS).

    Raises:
        TypeError, ValueError: an argument is none of these, or there are not as many references as predictions.
    """
    _check(predictions, references)
    _one_of("dtype", dtype, ["float32", "bfloat16"])
    _one_of("aggregate", aggregate, AGGREGATES)
    _check_sizes(max_length=max_length, batch_tokens=batch_tokens, batch_size=batch_size)
    if not isinstance(idf, bool):
        _check_texts("idf", idf)
    if lang is not None and model_type is None:
        _one_of("lang", lang.lower(), ["pt", "pt-br"])
    if rescale_with_baseline != (baseline_path is not None):
        raise ValueError("rescale_with_baseline needs a baseline_path, and the other way round: no setup has its own")
    encoder = _encoder(setup, model_type, num_layers, revision, device, all_layers)
    baseline, rescaled = _baseline(baseline_path, encoder.layers) if baseline_path else (0.0, "no")

    groups = [[group] if isinstance(group, str) else group for group in references]
    flat = [reference for group in groups for reference in group]
    repeated = [text for text, group in zip(predictions, groups, strict=True) for _ in group]
    documents = flat if idf is True else idf or []
    place = {text: at for at, text in enumerate(dict.fromkeys([*predictions, *flat, *documents]))}
    longest = min(max_length, encoder.longest)
    texts = list(encoder.tokenize(list(place), longest))
    pairs = np.array([[place[text] for text in side] for side in (repeated, flat)]).T

    weights = encoder.weights([texts[place[text]] for text in documents])
    batch = (batch_tokens or _batch_tokens(encoder.device), batch_size or len(texts))
    with tqdm(total=len(pairs), disable=not verbose) as bar:
        scores = Scorer(encoder, texts, weights, *batch, dtype).score(pairs, progress or bar.update)
    firsts = np.cumsum([0, *map(len, groups[:-1])])
    scores = (np.maximum.reduceat(scores, firsts) - baseline) / (1 - baseline)
    columns: dict[str, Any] = {}
    for at, measure in enumerate(("precision", "recall", "f1")):
        by_layer = [AGGREGATES[aggregate](values) for values in scores[:, :, at].T.tolist()]
        columns[measure] = by_layer if all_layers else by_layer[0]
    for fact in ("truncated", "empty"):
        found = np.logical_or.reduceat(np.array([getattr(text, fact) for text in texts])[pairs].any(axis=1), firsts)
        columns[fact] = int(found.sum()) if aggregate else found.tolist()
    settings = f"idf:{'yes' if idf else 'no'}|rescaled:{rescaled}|dtype:{dtype}|max_length:{longest}"
    versions = f"version:{VERSION}|transformers:{transformers.__version__}|torch:{torch.__version__}"
    signature = f"bertscore_ptbr|{encoder.signature}|{settings}|{versions}|n:{len(predictions)}"
    return {**columns, "signature": signature}


class BERTScorePTBR(object if evaluate is None else evaluate.Metric):  # type: ignore[misc]
    """The metric as `evaluate` sees it; what is scored stays in memory, where evaluate would write it to its cache."""

    def __init__(self, *args: Any, **kwargs: Any):
        if evaluate is None:
            raise ImportError("evaluate is not installed: pip install evaluate, or call bertscore()")
        super().__init__(*args, **{**kwargs, "keep_in_memory": kwargs.get("num_process", 1) == 1})

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=__doc__ or "",
            citation=CITATION,
            inputs_description=INPUTS,
            features=[
                datasets.Features({"predictions": text, "references": text}),
                datasets.Features({"predictions": text, "references": datasets.Sequence(text)}),
            ],
            reference_urls=[PAPER],
        )

    def add_batch(self, *, predictions: Any = None, references: Any = None, **kwargs: Any) -> None:
        """Take texts to score; evaluate would print those that do not fit, so they are checked before.

        Raises:
            TypeError, ValueError: a text is missing or no string, or there are not as many references as predictions.
        """
        _check(predictions, references)
        evaluate.Metric.add_batch(self, predictions=list(predictions), references=list(references), **kwargs)

    def add(self, *, prediction: Any = None, reference: Any = None, **kwargs: Any) -> None:
        """Take one pair of texts to score; see `add_batch`."""
        _check([prediction], [reference])
        evaluate.Metric.add(self, prediction=prediction, reference=reference, **kwargs)

    def _compute(
        self, predictions: list[str], references: list[str] | list[list[str]], **options: Any
    ) -> dict[str, Any]:
        return bertscore(predictions, references, **options)

    def align(self, prediction: str, reference: str, setup: str = "bertimbau", **model: Any) -> dict[str, Any]:
        """Show where a score comes from: the tokens of both texts, and the cosine of each with each."""
        encoder = _encoder(
            setup, **{"model_type": None, "num_layers": None, "revision": None, "device": "cpu", **model}
        )
        texts = list(encoder.tokenize([prediction, reference], min(512, encoder.longest)))
        embedded = dict(encoder.embed(texts, _batch_tokens(encoder.device), 2))
        left, right = (embedded[at].squeeze(1) for at in (0, 1))
        names = [encoder.tokenizer.convert_ids_to_tokens(text.ids.tolist()) for text in texts]
        return {"prediction": names[0], "reference": names[1], "cosine": (left @ right.T).cpu().numpy()}


def _encoder(
    setup: str,
    model_type: str | None,
    num_layers: int | None,
    revision: str | None,
    device: str | None,
    all_layers: bool = False,
) -> Encoder:
    _one_of("setup", setup, SETUPS)
    model, layer = SETUPS[setup]
    if model_type not in (None, model) and num_layers is None and not all_layers:
        raise ValueError(
            f"num_layers is missing: which layer of {_name(str(model_type))} stands for a token? "
            "(bert-score's choices are in bert_score.utils.model2layers)"
        )
    if device in (None, "auto"):
        device = "cuda" if torch.cuda.is_available() else "cpu"
    wanted = None if all_layers else layer if num_layers is None else num_layers
    return load_encoder(model_type or model, wanted, revision, str(device))


def _batch_tokens(device: torch.device) -> int:
    """As many tokens as a CPU's caches hold; a GPU is busy with more."""
    return 1024 if device.type == "cpu" else 8192


def _baseline(path: str, layers: Sequence[int]) -> tuple[np.ndarray, str]:
    """P, R and F (layers x 3) in a file of lines LAYER,P,R,F, and a digest of it."""
    try:
        rows = np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2, dtype=np.float32)
        by_layer = {int(layer): (p, r, f) for layer, p, r, f in rows}
        found = np.array([by_layer[layer] for layer in layers], dtype=np.float32)
    except (ValueError, KeyError):
        raise ValueError(f"baseline_path: no line LAYER,P,R,F for each of the layers {[*layers]}") from None
    return found, hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]


def _one_of(name: str, value: Any, choices: Any) -> None:
    if value not in choices:
        raise ValueError(f"{name} is {value!r}, and may be {', '.join(map(repr, choices))}")


def _check_sizes(**sizes: int | None) -> None:
    for name, size in sizes.items():
        if size is not None and size < 1:
            raise ValueError(f"{name} is {size}, and has to be 1 or more")


def _check(predictions: Any, references: Any) -> None:
    _check_texts("predictions", predictions)
    _check_texts("references", references, groups=True)
    if len(predictions) != len(references) or len(predictions) == 0:
        raise ValueError(f"there are {len(predictions)} predictions and {len(references)} references")
    if len({isinstance(text, str) for text in references}) > 1:
        raise TypeError("references are either all a str or all a list of str")


def _check_texts(name: str, texts: Any, *, groups: bool = False) -> None:
    """Name what is not a text by position and type alone: no other text may stand in an error."""
    if isinstance(texts, (str, dict)) or not hasattr(texts, "__len__"):
        raise TypeError(f"{name} is a {type(texts).__name__}, and has to be a list of texts")
    for at, text in enumerate(texts):
        group = text if groups and isinstance(text, (list, tuple)) and text else [text]
        wrong = [type(one).__name__ for one in group if not isinstance(one, str)]
        if wrong:
            raise TypeError(f"{name}[{at}] is a {wrong[0]}, and has to be a str")


def _shares(weights: np.ndarray) -> np.ndarray:
    """Weights that add up to 1; where no token of a text tells references apart, all count the same."""
    total = weights.sum()
    return weights / total if total > 0 else np.full_like(weights, 1 / len(weights))


def _name(model_type: str) -> str:
    """A repo id as it is, of a folder its name: a path says more of a machine than it should."""
    path = Path(model_type)
    return path.name if path.is_dir() else model_type


def _commit(model_type: str, revision: str | None) -> str:
    """The commit that was loaded: the Hub's cache has a folder for each, snapshots/<commit>. "local" for a folder."""
    path = transformers.utils.cached_file(model_type, "config.json", revision=revision)
    return "local" if path is None or Path(model_type).is_dir() else Path(path).parent.name
