"""Writes recurrent_reference.txt: loss and gradients of a small LSTM language model computed by PyTorch in double
precision.

    python3 make_recurrent_reference.py > recurrent_reference.txt        (PyTorch 2.x)

Every parameter element is 0.3 sin(1.7 k + 0.91 i), k the parameter's number in the order below and i the element's;
decoder_test.cpp fills the C++ model the same way. One line per parameter: name, then its gradient.
"""
import torch
from torch import nn

B, T, C, L, V = 2, 5, 8, 2, 7
torch.set_default_dtype(torch.float64)
embedding, lstm, output = nn.Embedding(V, C), nn.LSTM(C, C, L, batch_first=True), nn.Linear(C, V)
named = {"token_embedding.weight": embedding.weight}
for i in range(L):
    for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        named[f"layers.{i}.{part}"] = getattr(lstm, f"{part}_l{i}")
named |= {"output.weight": output.weight, "output.bias": output.bias}
with torch.no_grad():
    for k, p in enumerate(named.values()):
        p.copy_(0.3 * torch.sin(1.7 * k + 0.91 * torch.arange(p.numel())).view(p.shape))

tokens = torch.arange(B * T).view(B, T) * 3 % V
targets = (torch.arange(B * T).view(B, T) * 5 + 2) % V
logits = output(lstm(embedding(tokens))[0])
loss = nn.functional.cross_entropy(logits.view(-1, V), targets.view(-1))
loss.backward()

print("loss", f"{loss.item():.9g}")
for name, p in named.items():
    print(name, *(f"{g:.7g}" for g in p.grad.flatten().tolist()))
