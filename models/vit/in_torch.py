"""ViT-Tiny (Touvron et al. 2021), in PyTorch: patches of 16×16 pixels, each of which attends to all."""

import torch
from torch import nn

BLOCKS = 12
TOKENS = 197  # 14 × 14 patches, and one for the class


class ClassToken(nn.Module):
    """One learned token before all others: tokens (N, T, C) to (N, 1 + T, C)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(features))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        first = self.token.expand(tokens.shape[0], 1, tokens.shape[2])
        return torch.cat([first, tokens], dim=1)


class Places(nn.Module):
    """The place of each token: tokens (N, T, C) to numbers (T,)."""

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return torch.arange(tokens.shape[1], device=tokens.device)


def build() -> nn.Module:
    """An untrained network that turns images (N, 3, 224, 224) into logits (N, 1000)."""
    return VisionTransformer()


class VisionTransformer(nn.Module):
    """Patches, their places, blocks, and the class by the first token."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 192, 16, stride=16)
        self.class_token = ClassToken(192)
        self.places = Places()
        self.positions = nn.Embedding(TOKENS, 192)
        for number in range(1, BLOCKS + 1):
            self.add_module(f"block{number}", Block())
        self.norm = norm()
        self.logits = nn.Linear(192, 1000)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        maps = self.patches(image)  # (N, 192, 14, 14)
        tokens = maps.flatten(2).transpose(1, 2)  # (N, 196, 192)
        tokens = self.class_token(tokens)  # (N, 197, 192)
        tokens = tokens + self.positions(self.places(tokens))
        for number in range(1, BLOCKS + 1):
            tokens = self.get_submodule(f"block{number}")(tokens)
        tokens = self.norm(tokens)
        return self.logits(tokens[:, 0])  # (N, 1000)


class Block(nn.Module):
    """Each token takes from others what it attends to, then is mixed by itself: tokens (N, T, 192) keep their shape."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1 = norm()
        self.attention = nn.MultiheadAttention(192, 3, batch_first=True)
        self.norm2 = norm()
        self.dense1 = nn.Linear(192, 768)
        self.gelu = nn.GELU()
        self.dense2 = nn.Linear(768, 192)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        change = self.norm1(tokens)
        change, _ = self.attention(change, change, change, need_weights=False)
        tokens = tokens + change
        change = self.gelu(self.dense1(self.norm2(tokens)))  # (N, T, 768)
        return tokens + self.dense2(change)  # (N, T, 192)


def norm() -> nn.LayerNorm:
    """Over the features of each token."""
    return nn.LayerNorm(192, eps=1e-6)
