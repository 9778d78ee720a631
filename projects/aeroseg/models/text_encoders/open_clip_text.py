# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Text features of a vocabulary under a set of prompts (eq. 2)."""

from collections import OrderedDict
from collections.abc import Sequence

import open_clip
import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from aeroseg.vocabulary.prompts import get_templates

from ..layers.clip_towers import ClipModel, build_text_tower, run_block
from ..layers.split_attention import set_trainable

Queries = tuple[tuple[str, ...], ...]


@MODELS.register_module()
class OpenCLIPTextEncoder(BaseModule):
    """CLIP's text tower over words x templates.

    A class with several words (synonyms) gets, per template, the mean of
    their unit embeddings, scaled to unit length. The tower is causal, so
    tokens after the longest prompt change nothing and are cut off.

    Without gradients the features of a vocabulary are computed once. The
    store is keyed by the words and by the state of the weights, and dropped
    when training resumes.

    Args:
        model (str | dict): open_clip model name or config; the same as the
            image tower's.
        templates (str | Sequence[str]): Name of a prompt set or sentences
            with '{}'; see :func:`aeroseg.vocabulary.prompts.get_templates`.
        trainable (str): 'qv' (the paper), 'all' or 'none'.
        chunk (int): Sentences per pass without gradients.
        with_cp (bool): Recompute activations in the backward pass.
        init_cfg (dict, optional): ``dict(type='CLIPPretrained',
            checkpoint=...)``.
    """

    _stored = 8  # vocabularies kept at a time

    def __init__(
        self,
        model: ClipModel = 'ViT-B-16-quickgelu',
        templates: str | Sequence[str] = 'aeroseg',
        trainable: str = 'qv',
        chunk: int = 256,
        with_cp: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.model = model
        self.text = build_text_tower(model)
        self.templates = get_templates(templates)
        self.tokenizer = (
            open_clip.get_tokenizer(model)
            if isinstance(model, str)
            else open_clip.SimpleTokenizer(
                context_length=self.text.context_length
            )
        )
        self.chunk = chunk
        self.with_cp = with_cp
        self._store: OrderedDict[tuple, Tensor] = OrderedDict()
        set_trainable(self.text, trainable)

    @property
    def embed_dims(self) -> int:
        """C, the width of the space that image and text share."""
        return self.text.output_dim

    @property
    def num_prompts(self) -> int:
        """P, the number of templates."""
        return len(self.templates)

    def train(self, mode: bool = True) -> 'OpenCLIPTextEncoder':
        """Switch the mode; training makes stored features invalid."""
        if mode and self._trainable():
            self._store.clear()
        return super().train(mode)

    def forward(self, queries: Queries) -> Tensor:
        """Encode a vocabulary.

        Args:
            queries (tuple[tuple[str, ...], ...]): The words of each class.

        Returns:
            Tensor: Unit text features, (T, P, C).

        Raises:
            ValueError: If a prompt is longer than CLIP's context.
        """
        if torch.is_grad_enabled() and self.training and self._trainable():
            return self._encode(queries)
        key = (queries, *self._state())
        if key not in self._store:
            with torch.no_grad(), self._full_precision():
                self._store[key] = self._encode(queries)
            while len(self._store) > self._stored:
                self._store.popitem(last=False)
        return self._store[key]

    def sentences(self, words: Sequence[str]) -> list[str]:
        """The prompts of some words: every template for each, in order."""
        return [
            template.format(word.replace('_', ' '))
            for word in words
            for template in self.templates
        ]

    def _trainable(self) -> bool:
        return any(weight.requires_grad for weight in self.parameters())

    def _state(self) -> tuple[object, ...]:
        """Where the weights are and how often each has been changed."""
        weights = list(self.text.parameters())
        changes = tuple(
            0 if weight.is_inference() else weight._version
            for weight in weights
        )
        return weights[0].device, weights[0].dtype, changes

    def _full_precision(self) -> torch.autocast:
        device = self.text.positional_embedding.device.type
        return torch.autocast(device, enabled=False)

    def _encode(self, queries: Queries) -> Tensor:
        words = [word for group in queries for word in group]
        tokens = self._tokens(self.sentences(words))
        tokens = tokens.to(self.text.positional_embedding.device)
        if torch.is_grad_enabled():
            features = self._encode_tokens(tokens)
        else:
            parts = tokens.split(self.chunk)
            features = torch.cat([self._encode_tokens(p) for p in parts])
        features = F.normalize(features, dim=-1)
        features = features.unflatten(0, (len(words), -1))
        if len(words) == len(queries):
            return features
        groups = features.split([len(group) for group in queries])
        means = torch.stack([group.mean(dim=0) for group in groups])
        return F.normalize(means, dim=-1)

    def _tokens(self, sentences: list[str]) -> Tensor:
        """Token ids (N, L); what does not fit in L is not cut in silence."""
        tokens = self.tokenizer(sentences)
        length = tokens.shape[1]
        if not isinstance(self.tokenizer, open_clip.SimpleTokenizer):
            return tokens
        for index in (tokens[:, -1] != 0).nonzero().flatten().tolist():
            # The last place is the end token's: the sentence fits exactly,
            # or was cut. Start and end are not in what `encode` returns.
            number = len(self.tokenizer.encode(sentences[index])) + 2
            if number > length:
                raise ValueError(
                    f'the prompt {sentences[index]!r} has {number} tokens, '
                    f'this CLIP reads {length}; shorten the class name'
                )
        return tokens

    def _encode_tokens(self, tokens: Tensor) -> Tensor:
        """Token ids (N, L) -> features of any scale, (N, C)."""
        text = self.text
        end = tokens.argmax(dim=1)  # the end token has the highest id
        length = int(end.max()) + 1
        x = text.token_embedding(tokens[:, :length])
        x = x + text.positional_embedding[:length]
        for block in text.transformer.resblocks:
            if self.with_cp and self.training and torch.is_grad_enabled():
                x = checkpoint(run_block, block, x, True, use_reentrant=False)
            else:
                x = run_block(block, x, is_causal=True)
        # The rest works token by token; only the end token is needed.
        x = text.ln_final(x[torch.arange(len(end), device=end.device), end])
        if isinstance(text.text_projection, torch.nn.Linear):
            return text.text_projection(x)
        return x if text.text_projection is None else x @ text.text_projection
