"""What the page of the Space says, in Portuguese and English."""

from __future__ import annotations

TEXTS: dict[str, dict[str, str]] = {
    "Português": {
        "welcome": """# BERTScore para laudos em português
`bertimbau` compara português com português; `xlm-roberta`, também com o original em inglês.

**Não cole aqui textos restritos**, como laudos do MIMIC-CXR ou dos seus pacientes: esta página roda em uma máquina
compartilhada. Nada fica guardado, mas o lugar desses textos é a sua própria máquina, com o mesmo código:
`evaluate.load("{repository}")`.""",
        "setup": "Configuração",
        "prediction": "Texto avaliado",
        "reference": "Referência",
        "by_line": "Um texto por linha",
        "by_line_info": "Desmarcado, cada caixa é um só texto, com todas as suas linhas.",
        "score": "Calcular",
        "upload": "Calcular um arquivo (CSV, Excel ou JSON Lines)",
        "files": "O arquivo tem as colunas `prediction` e `reference`, com vírgula, ponto e vírgula ou tabulação.",
        "table": "Resultados (clique em uma linha para ver os tokens)",
        "heat": "### De onde vem o valor: o cosseno de cada token com cada outro\n"
        "Com moldura: o melhor par de cada token do texto avaliado; a média deles é a precisão. As marcas nas duas "
        "pontas podem formar par e não contam. Referências longas continuam abaixo, em blocos.",
        "corner": "avaliado ↓ referência →",
        "block": "tokens {first} a {last} da referência",
        "means": "**Médias:** precisão {0:.4f}, revocação {1:.4f}, F1 {2:.4f} ({truncated} cortados no tamanho máximo; "
        "{empty} com um texto vazio, que conta como 0)",
        "empty": "vazio",
        "download": "Baixar os resultados (CSV)",
        "refused": "**Não calculado.** {message}",
        "counts": "Há {0} textos avaliados e {1} referências.",
        "nothing": "Os dois textos estão vazios.",
        "pairs": "Há {0} pares; esta página aceita de 1 a {1}.",
        "long": "Um texto tem mais de {0} caracteres.",
        "utf8": "O arquivo não é um texto em UTF-8.",
        "columns": "O arquivo precisa das colunas prediction e reference.",
        "kind": "O arquivo não é CSV, Excel nem JSON Lines.",
        "type": "Um dos textos do arquivo não é um texto.",
    },
    "English": {
        "welcome": """# BERTScore for reports in Brazilian Portuguese
`bertimbau` compares Portuguese with Portuguese, `xlm-roberta` also with an English original.

**Do not enter restricted text here**, such as reports from MIMIC-CXR or of your patients: this page runs on a shared
machine. Nothing is kept, but the place for such text is your own machine, with the same code:
`evaluate.load("{repository}")`.""",
        "setup": "Setup",
        "prediction": "Prediction",
        "reference": "Reference",
        "by_line": "One text a line",
        "by_line_info": "Unticked, each box is one text, with all its lines.",
        "score": "Score",
        "upload": "Score a file (CSV, Excel or JSON Lines)",
        "files": "The file has the columns `prediction` and `reference`, with commas, semicolons or tabs.",
        "table": "Scores (click a row to see its tokens)",
        "heat": "### Where the score comes from: cosine of each token with each\n"
        "Framed: the best match of each token of the prediction; their mean is the precision. The marks at both "
        "ends can be matched, and count for nothing. Long references go on below, in blocks.",
        "corner": "prediction ↓ reference →",
        "block": "tokens {first} to {last} of the reference",
        "means": "**Means:** precision {0:.4f}, recall {1:.4f}, F1 {2:.4f} ({truncated} cut at the maximum length; "
        "{empty} with an empty text, which counts as 0)",
        "empty": "empty",
        "download": "Download the results (CSV)",
        "refused": "**Not scored.** {message}",
        "counts": "There are {0} predictions and {1} references.",
        "nothing": "Both texts are empty.",
        "pairs": "There are {0} pairs; this page takes 1 to {1}.",
        "long": "A text is longer than {0} characters.",
        "utf8": "The file is not UTF-8 text.",
        "columns": "The file needs the columns prediction and reference.",
        "kind": "The file is not CSV, Excel or JSON Lines.",
        "type": "A prediction or reference is no text.",
    },
}
