// Activations and their derivatives, in double.
#pragma once

#include "runtime/kernels/kernels.h"

namespace trireme::reference {

// gelu is the tanh form of Hendrycks & Gimpel 2016: x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
double activation_value(Activation activation, double x);
// d activation_value / dx; 0 for relu at 0, leaky_slope for leaky_relu at 0.
double activation_slope(Activation activation, double x);

}  // namespace trireme::reference
