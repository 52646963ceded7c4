"""Mean F1 of the study that is reproduced (GustavoFA/MIMIC-CXR-PT-BR, 965 test studies), to stand beside one's own."""

from __future__ import annotations

ORIGINAL_F1 = {
    "xlm-roberta": {"zero_shot": 0.824, "few_shot": 0.826, "lora": 0.837},
    "bertimbau": {"zero_shot": 0.582, "few_shot": 0.655, "lora": 0.660},  # means read off its plots
}
