"""The encoder of a sentence-transformers folder: a BERT, mean pooling, unit length; torch and the tokenizer alone.

sentence-transformers computes the same and brings scikit-learn, scipy and most of transformers with it: 250 MB
in every process that embeds. The forward pass follows transformers' ``BertModel`` operation by operation, so that
in one precision the vectors differ in the last bits at most.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from resources.errors import NotConfigured

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tokenizers import Tokenizer
    from torch import Tensor

_DEFAULT_TOKENS = 512  # what BERT has positions for


@dataclass(frozen=True, slots=True)
class Bert:
    """Weights by their name in the file, on the processor, all of one precision."""

    weights: dict[str, Tensor]
    tokenizer: Tokenizer
    dimensions: int
    layers: int
    heads: int
    epsilon: float
    padding_id: int

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids with the special ones, cut after the model's longest; no padding."""
        return [encoding.ids for encoding in self.tokenizer.encode_batch(list(texts))]

    def embed(self, ids: Tensor, mask: Tensor) -> Tensor:
        """L2-normalised vectors in fp32, a row of ``ids`` each; ``mask`` is 1 on tokens and 0 on padding."""
        import torch
        from torch.nn import functional

        with torch.inference_mode():
            hidden = self._embeddings(ids)
            attended = mask[:, None, None, :].bool() if not mask.all() else None
            for layer in range(self.layers):
                hidden = self._layer(f"encoder.layer.{layer}.", hidden, attended)
            # Pooling in bf16 would throw away bits that the layers have already paid for.
            spoken = mask[:, :, None].float()
            mean = (hidden.float() * spoken).sum(1) / spoken.sum(1).clamp(min=1e-9)
            return functional.normalize(mean, dim=1)

    def _embeddings(self, ids: Tensor) -> Tensor:
        words = self.weights["embeddings.word_embeddings.weight"][ids]
        kinds = self.weights["embeddings.token_type_embeddings.weight"][0]
        positions = self.weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
        return self._norm("embeddings.LayerNorm", words + kinds + positions)

    def _layer(self, name: str, hidden: Tensor, attended: Tensor | None) -> Tensor:
        from torch.nn import functional

        rows, length, width = hidden.shape
        query, key, value = (
            self._linear(f"{name}attention.self.{part}", hidden)
            .view(rows, length, self.heads, width // self.heads)
            .transpose(1, 2)
            for part in ("query", "key", "value")
        )
        context = functional.scaled_dot_product_attention(query, key, value, attn_mask=attended)
        context = context.transpose(1, 2).reshape(rows, length, width)
        hidden = self._norm(
            f"{name}attention.output.LayerNorm",
            self._linear(f"{name}attention.output.dense", context) + hidden,
        )
        inner = functional.gelu(self._linear(f"{name}intermediate.dense", hidden))
        return self._norm(f"{name}output.LayerNorm", self._linear(f"{name}output.dense", inner) + hidden)

    def _linear(self, name: str, hidden: Tensor) -> Tensor:
        from torch.nn import functional

        return functional.linear(hidden, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _norm(self, name: str, hidden: Tensor) -> Tensor:
        from torch.nn import functional

        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return functional.layer_norm(hidden, (hidden.shape[-1],), weight, bias, self.epsilon)


def load_bert(path: Path, *, half: bool) -> Bert:
    """Read a sentence-transformers folder; ``half`` is bf16.

    Raises:
        NotConfigured: there is none in ``path``, or it holds another kind of model than this computes.
    """
    if not (path / "modules.json").is_file():
        raise NotConfigured(
            f"There is no sentence-transformers model in {path}.",
            remedy="Set DROVI_EMBEDDING_MODEL_PATH to the folder of one, or leave it empty.",
        )
    config = _known(path)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # its threads and a later fork do not go together
    import torch
    from safetensors.torch import load_file
    from tokenizers import Tokenizer

    # Several processes of one thread beat one of two, and only one thread gives the same bits every time.
    torch.set_num_threads(1)
    precision = torch.bfloat16 if half else torch.float32
    weights = {
        name.removeprefix("bert."): weight.to(precision)
        for name, weight in load_file(path / "model.safetensors").items()
        if weight.is_floating_point()
    }
    tokenizer = Tokenizer.from_file(str(path / "tokenizer.json"))
    longest = _json(path / "sentence_bert_config.json").get("max_seq_length") or _DEFAULT_TOKENS
    tokenizer.enable_truncation(longest)
    tokenizer.no_padding()
    return Bert(
        weights,
        tokenizer,
        config["hidden_size"],
        config["num_hidden_layers"],
        config["num_attention_heads"],
        config["layer_norm_eps"],
        config["pad_token_id"],
    )


def _known(path: Path) -> dict[str, Any]:
    """The model's configuration, if it describes what ``Bert`` computes."""
    config, pooling = _json(path / "config.json"), _json(path / "1_Pooling" / "config.json")
    modules = [
        module["type"].rsplit(".", 1)[-1] for module in json.loads((path / "modules.json").read_text())
    ]
    known = (
        config.get("model_type") == "bert"
        and config.get("hidden_act") == "gelu"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and [mode for mode, on in pooling.items() if mode.startswith("pooling_mode") and on]
        == ["pooling_mode_mean_tokens"]
        and modules in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])
        and all((path / name).is_file() for name in ("model.safetensors", "tokenizer.json"))
    )
    if not known:
        raise NotConfigured(
            f"The model in {path} is not a BERT with mean pooling, in model.safetensors and tokenizer.json.",
            remedy="Set DROVI_EMBEDDING_MODEL_PATH to the folder of such a model, or leave it empty.",
        )
    return config


def _json(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return found
