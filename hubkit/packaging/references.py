"""The references of the README for PhysioNet, numbered in the order in which the text cites them (Vancouver style)."""

from __future__ import annotations

from hubkit.config import ReleaseConfig
from hubkit.packaging.card_data import CardFacts

LITERATURE = {
    "physionet": "Goldberger AL, Amaral LAN, Glass L, Hausdorff JM, Ivanov PC, Mark RG, et al (2000). "
    '"PhysioBank, PhysioToolkit, and PhysioNet: components of a new research resource for complex physiologic '
    'signals". Circulation. 101(23): e215-e220.',
    "mimic-cxr-paper": "Johnson AEW, Pollard TJ, Berkowitz SJ, Greenbaum NR, Lungren MP, Deng C, et al (2019). "
    '"MIMIC-CXR, a de-identified publicly available database of chest radiographs with free-text reports". '
    "Sci Data. 6: 317. https://doi.org/10.1038/s41597-019-0322-0",
    "chexpert": "Irvin J, Rajpurkar P, Ko M, Yu Y, Ciurea-Ilcus S, Chute C, et al (2019). "
    '"CheXpert: a large chest radiograph dataset with uncertainty labels and expert comparison". '
    "Proc AAAI Conf Artif Intell. 33(1): 590-597.",
    "medgemma": "Sellergren A, Kazemzadeh S, Jaroensri T, et al (2025). "
    '"MedGemma technical report". arXiv. 2507.05201. https://arxiv.org/abs/2507.05201',
    "hai-def": "Google. Health AI Developer Foundations terms of use. "
    "https://developers.google.com/health-ai-developer-foundations/terms",
    "lora": "Hu EJ, Shen Y, Wallis P, Allen-Zhu Z, Li Y, Wang S, et al (2022). "
    '"LoRA: low-rank adaptation of large language models". ICLR 2022. https://arxiv.org/abs/2106.09685',
    "bertscore": "Zhang T, Kishore V, Wu F, Weinberger KQ, Artzi Y (2020). "
    '"BERTScore: evaluating text generation with BERT". ICLR 2020. https://arxiv.org/abs/1904.09675',
    "bertimbau": "Souza F, Nogueira R, Lotufo R (2020). "
    '"BERTimbau: pretrained BERT models for Brazilian Portuguese". BRACIS 2020. '
    "https://doi.org/10.1007/978-3-030-61377-8_28",
    "xlm-r": "Conneau A, Khandelwal K, Goyal N, Chaudhary V, Wenzek G, Guzman F, et al (2020). "
    '"Unsupervised cross-lingual representation learning at scale". ACL 2020. https://arxiv.org/abs/1911.02116',
}


class Citations:
    """Numbers references as a template cites them: `{{ cite("lora", "bertscore") }}` gives `[3, 4]`.

    Attributes:
        used: the references that were cited, in order.
    """

    def __init__(self, config: ReleaseConfig, facts: CardFacts):
        self._texts = LITERATURE | _of_release(config, facts)
        self._numbers: dict[str, int] = {}

    def __call__(self, *keys: str) -> str:
        numbers = [str(self._numbers.setdefault(key, len(self._numbers) + 1)) for key in keys]
        return f"[{', '.join(numbers)}]"

    @property
    def used(self) -> list[str]:
        return [self._texts[key] for key in self._numbers]


def _of_release(config: ReleaseConfig, facts: CardFacts) -> dict[str, str]:
    """What only this release refers to: its corpus, its models and its repos."""
    original, kind, repos, hub = facts.original, facts.corpus, facts.repos, facts.hub
    texts = {
        "corpus": kind.citation,
        "original": f"{original.name}. {original.url}",
        "dataset": f"{config.release.title}, {config.release.tag}. {hub}/datasets/{repos['dataset']}",
        "base": f"{facts.base.name}. {hub}/{facts.base.name}",
        "license": f"PhysioNet. PhysioNet Credentialed Health Data License 1.5.0. {facts.license_url}",
    }
    for parent in facts.parents:
        authors = ", ".join(f"{family} {given[0]}" for family, given in parent.authors)
        texts[parent.name] = f'{authors}. "{parent.title} (version {parent.version})". PhysioNet. {parent.url}'
    if "metric" in repos:
        texts["metric"] = f"BERTScore for reports in Portuguese, {config.release.tag}. {hub}/spaces/{repos['metric']}"
    if facts.parents:
        agreement = facts.parents[0].agreement_url
        texts["dua"] = f"PhysioNet. PhysioNet Credentialed Health Data Use Agreement 1.5.0. {agreement}"
    return texts
