#include <iomanip>
#include <iostream>

#include "launcher/commands/command.h"
#include "launcher/commands/rank_options.h"
#include "launcher/trainer/adversarial_tasks.h"
#include "launcher/trainer/networks.h"
#include "models/autoencoder/autoencoder.h"
#include "models/gpt/gpt.h"
#include "models/llama/llama.h"
#include "models/recurrent/recurrent.h"
#include "models/text_classifier/text_classifier.h"

namespace trireme::launcher {
namespace {

void print_line(const std::string& name, const std::string& what, std::int64_t parameters, double flops) {
  std::cout << std::left << std::setw(16) << name << std::setw(42) << what << std::right << std::setw(14) << parameters
            << std::setw(12) << std::fixed << std::setprecision(3) << flops / 1e9 << '\n';
}

std::int64_t parameters_of(nn::Module& model) {
  std::int64_t total = 0;
  for (const nn::Parameter* parameter : model.parameters()) total += parameter->numel();
  return total;
}

void print_decoder(const std::string& name, const std::string& family, models::Decoder& model) {
  const std::int64_t tokens = model.sizes().sequence;
  print_line(name, family + ", " + std::to_string(tokens) + " tokens a sample", parameters_of(model),
             model.flops(1, tokens));
}

int list_models() {
  std::cout << std::left << std::setw(16) << "model" << std::setw(42) << "" << std::right << std::setw(14)
            << "parameters" << std::setw(12) << "GFLOP" << '\n';
  for (const NamedNetwork& known : named_networks()) {
    const auto model = known.make();
    print_line(known.name, known.what, parameters_of(*model), model->flops(1));
  }
  for (const std::string name : {"gpt-byte", "gpt-tiny", "gpt2-124m", "gpt2-350m", "gpt2-774m", "gpt2-1558m"}) {
    models::Gpt model(models::gpt_preset(name));
    print_decoder(name, "GPT", model);
  }
  for (const std::string name : {"llama-byte", "llama2-7b", "llama3-8b", "llama3-70b"}) {
    models::Llama model(models::llama_preset(name));
    print_decoder(name, "Llama", model);
  }
  models::Autoencoder autoencoder({});
  print_line("autoencoder", "convolutional autoencoder, 28 x 28 grey", parameters_of(autoencoder),
             autoencoder.flops(1));
  for (const std::int64_t size : {28, 64}) {
    const models::DcganConfig config{.size = size, .channels = size == 28 ? 1 : 3};
    models::DcganGenerator generator(config);
    models::DcganDiscriminator discriminator(config);
    print_line("dcgan" + std::to_string(size),
               "DCGAN, both networks, " + std::to_string(size) + " x " + std::to_string(size),
               parameters_of(generator) + parameters_of(discriminator), ImageGame(config, {}, DType::f32).flops(1));
  }
  models::Recurrent lstm({});
  print_line("lstm", "LSTM, 2 layers, " + std::to_string(lstm.sizes().sequence) + " tokens a sample",
             parameters_of(lstm), lstm.flops(1, lstm.sizes().sequence));
  models::TextClassifier texts({});
  print_line("text-classifier", "convolution and LSTM, " + std::to_string(texts.config().sequence) + " tokens a sample",
             parameters_of(texts), texts.flops(1));
  std::cout << "GFLOP: matrix products and convolutions of a forward and backward pass of one sample.\n"
               "A job names its model: model { resnet { depth: 50 } }; trireme train --help-job tells their fields."
            << std::endl;
  return 0;
}

}  // namespace

void add_models(Command program) {
  program.add_command("models", "List the models, with their parameters and FLOPs").runs(on_first_rank(list_models));
}

}  // namespace trireme::launcher
