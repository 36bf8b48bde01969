"""Writes recurrent_reference.txt: results and gradients of recurrent layers computed by PyTorch in double precision.

    python3 make_recurrent_reference.py > recurrent_reference.txt        (PyTorch 2.x)

Element i of tensor number k of a case (0 its input, 1, 2, ... its parameters, 100 the states it begins with, 101 those of
cells) is 0.6 sin(1.7 k + 0.91 i); of the gradients that are fed back it is cos(0.37 i) for y, cos(0.23 i) for the last
states and cos(0.31 i) for those of cells. recurrent_test.cpp fills its layers the same way. y is zero beyond a sequence's
end. One line per tensor: case, what it is, its values.
"""
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.set_default_dtype(torch.float64)
INPUTS, UNITS = 3, 5


def wave(k, *shape):
    return 0.6 * torch.sin(1.7 * k + 0.91 * torch.arange(torch.Size(shape).numel())).view(shape)


def fed(pace, x):
    return torch.cos(pace * torch.arange(x.numel())).view(x.shape)


def line(case, what, x):
    print(case, what, *(f"{v:.9g}" for v in x.flatten().tolist()))


def case(name, net, steps, lengths=None, begins=True, batch=2):
    with torch.no_grad():
        for k, p in enumerate(net.parameters(), 1):
            p.copy_(wave(k, *p.shape))
    rows = net.num_layers * (2 if net.bidirectional else 1)
    x = wave(0, steps, batch, INPUTS).requires_grad_()
    h = wave(100, rows, batch, UNITS).requires_grad_()
    c = wave(101, rows, batch, UNITS).requires_grad_()
    lstm = isinstance(net, nn.LSTM)
    given = ((h, c) if lstm else h) if begins else None
    if lengths:
        packed = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
        out, last = net(packed, given)
        y, _ = pad_packed_sequence(out, total_length=steps)
    else:
        y, last = net(x, given)
    outputs = [(y, 0.37)] + ([(last[0], 0.23), (last[1], 0.31)] if lstm else [(last, 0.23)])
    torch.autograd.backward([t for t, _ in outputs], [fed(pace, t) for t, pace in outputs])
    for what, (t, _) in zip(("y", "state", "cell"), outputs):
        line(name, what, t)
    line(name, "dx", x.grad)
    if begins:
        line(name, "dstate", h.grad)
        if lstm:
            line(name, "dcell", c.grad)
    for k, p in enumerate(net.parameters(), 1):
        line(name, f"d{k}", p.grad)


case("rnn_tanh", nn.RNN(INPUTS, UNITS), 4)
case("rnn_relu", nn.RNN(INPUTS, UNITS, nonlinearity="relu", bias=False), 3)
case("lstm", nn.LSTM(INPUTS, UNITS), 4)
case("lstm_of_nothing", nn.LSTM(INPUTS, UNITS, bias=False), 1, begins=False)
case("lstm_deep", nn.LSTM(INPUTS, UNITS, num_layers=2), 3)
case("lstm_both_ways", nn.LSTM(INPUTS, UNITS, num_layers=2, bidirectional=True), 4, lengths=[2, 4, 1], batch=3)
case("gru", nn.GRU(INPUTS, UNITS), 4)
case("gru_both_ways", nn.GRU(INPUTS, UNITS, num_layers=2, bidirectional=True), 4, lengths=[3, 4, 1], batch=3)
