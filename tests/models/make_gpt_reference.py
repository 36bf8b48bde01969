"""Writes gpt_reference.txt: loss and gradients of a small GPT computed by PyTorch in double precision.

    python3 make_gpt_reference.py > gpt_reference.txt        (PyTorch 2.x)

Every parameter element is 0.3 sin(1.7 k + 0.91 i) (+ 1 for normalisation weights), k the parameter's number in the order
below and i the element's; decoder_test.cpp fills the C++ model the same way. One line per parameter: name, then its gradient.
"""
import torch
from torch import nn
from torch.nn import functional as F

B, T, C, H, L, V = 2, 5, 8, 2, 2, 7
torch.set_default_dtype(torch.float64)

params = {}


def parameter(name, *shape, base=0.0):
    k, count = len(params), torch.Size(shape).numel()
    values = base + 0.3 * torch.sin(1.7 * k + 0.91 * torch.arange(count))
    params[name] = nn.Parameter(values.view(shape))
    return params[name]


parameter("token_embedding", V, C)
parameter("position_embedding", T, C)
for i in range(L):
    b = f"blocks.{i}."
    parameter(b + "ln_1.weight", C, base=1.0)
    parameter(b + "ln_1.bias", C)
    parameter(b + "attention.qkv.weight", 3 * C, C)
    parameter(b + "attention.qkv.bias", 3 * C)
    parameter(b + "attention.proj.weight", C, C)
    parameter(b + "attention.proj.bias", C)
    parameter(b + "ln_2.weight", C, base=1.0)
    parameter(b + "ln_2.bias", C)
    parameter(b + "mlp.up.weight", 4 * C, C)
    parameter(b + "mlp.up.bias", 4 * C)
    parameter(b + "mlp.down.weight", C, 4 * C)
    parameter(b + "mlp.down.bias", C)
parameter("ln_f.weight", C, base=1.0)
parameter("ln_f.bias", C)


def norm(x, name):
    return F.layer_norm(x, (C,), params[name + ".weight"], params[name + ".bias"], 1e-5)


def linear(x, name):
    return F.linear(x, params[name + ".weight"], params[name + ".bias"])


tokens = torch.arange(B * T).view(B, T) * 3 % V
targets = (torch.arange(B * T).view(B, T) * 5 + 2) % V
x = params["token_embedding"][tokens] + params["position_embedding"][:T]
for i in range(L):
    b = f"blocks.{i}."
    q, k, v = (y.view(B, T, H, C // H).transpose(1, 2) for y in linear(norm(x, b + "ln_1"), b + "attention.qkv").split(C, -1))
    y = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(B, T, C)
    x = x + linear(y, b + "attention.proj")
    x = x + linear(F.gelu(linear(norm(x, b + "ln_2"), b + "mlp.up"), approximate="tanh"), b + "mlp.down")
logits = norm(x, "ln_f") @ params["token_embedding"].T
loss = F.cross_entropy(logits.view(-1, V), targets.view(-1))
loss.backward()

print("loss", f"{loss.item():.9g}")
for name, value in params.items():
    print(name, *(f"{g:.7g}" for g in value.grad.flatten().tolist()))
