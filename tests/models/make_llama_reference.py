"""Writes llama_reference.txt: loss and gradients of a small Llama computed by transformers in double precision.

    python3 make_llama_reference.py > llama_reference.txt        (PyTorch 2.x, transformers 5.x)

Every parameter element is 0.3 sin(1.7 k + 0.91 i) (+ 1 for normalisation weights), k the parameter's number in the order
below and i the element's; decoder_test.cpp fills the C++ model the same way. One line per parameter: name, then its
gradient. Packed parameters are made of those of transformers one below the other.
"""
import torch
from transformers import LlamaConfig, LlamaForCausalLM

B, T, C, H, K, F, L, V = 2, 5, 16, 4, 2, 12, 2, 7
torch.set_default_dtype(torch.float64)
config = LlamaConfig(vocab_size=V, hidden_size=C, intermediate_size=F, num_hidden_layers=L, num_attention_heads=H,
                     num_key_value_heads=K, max_position_embeddings=T, rms_norm_eps=1e-5, tie_word_embeddings=False,
                     attn_implementation="eager", rope_parameters={"rope_type": "default", "rope_theta": 50.0})
model = LlamaForCausalLM(config).double()
theirs = dict(model.named_parameters())

# Our name: theirs, one below the other.
names = {"token_embedding": ["model.embed_tokens"]}
for i in range(L):
    a, m = f"model.layers.{i}.self_attn.", f"model.layers.{i}.mlp."
    names |= {f"blocks.{i}.norm_1.weight": [f"model.layers.{i}.input_layernorm"],
              f"blocks.{i}.attention.qkv.weight": [a + "q_proj", a + "k_proj", a + "v_proj"],
              f"blocks.{i}.attention.proj.weight": [a + "o_proj"],
              f"blocks.{i}.norm_2.weight": [f"model.layers.{i}.post_attention_layernorm"],
              f"blocks.{i}.mlp.up.weight": [m + "gate_proj", m + "up_proj"],
              f"blocks.{i}.mlp.down.weight": [m + "down_proj"]}
names |= {"norm_f.weight": ["model.norm"], "output.weight": ["lm_head"]}
assert sum(map(len, names.values())) == len(theirs)

with torch.no_grad():
    for k, (name, parts) in enumerate(names.items()):
        parts = [theirs[part + ".weight"] for part in parts]
        base = 1.0 if "norm" in name else 0.0
        values = base + 0.3 * torch.sin(1.7 * k + 0.91 * torch.arange(sum(p.numel() for p in parts)))
        for part, piece in zip(parts, values.split([p.numel() for p in parts])):
            part.copy_(piece.view_as(part))

tokens = torch.arange(B * T).view(B, T) * 3 % V
targets = (torch.arange(B * T).view(B, T) * 5 + 2) % V
logits = model(tokens, use_cache=False).logits
loss = torch.nn.functional.cross_entropy(logits.view(-1, V), targets.view(-1))
loss.backward()

print("loss", f"{loss.item():.9g}")
for name, parts in names.items():
    gradient = torch.cat([theirs[part + ".weight"].grad.flatten() for part in parts])
    print(name, *(f"{g:.7g}" for g in gradient.tolist()))
