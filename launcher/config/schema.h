// What the job's descriptor says about its fields, in words. Only for launcher/config: it shows Protobuf types.
#pragma once

#include <google/protobuf/descriptor.h>

#include <string>
#include <string_view>
#include <vector>

namespace trireme::launcher {

std::vector<std::string> field_names(const google::protobuf::Descriptor& message);

// The message that `path` ("model.gpt") leads to from `root`, or null.
const google::protobuf::Descriptor* message_at(const google::protobuf::Descriptor& root,
                                               const std::vector<std::string>& path);

// "a whole number from 1 to 10000", "one of relu, gelu", "{ ... } with fields layers, heads".
std::string describe_type(const google::protobuf::FieldDescriptor& field);

// The limits of a number: "from 1 to 10000", "above 0"; empty where there are none.
std::string describe_limits(const google::protobuf::FieldDescriptor& field);

// What to say of a name that a message does not have: 'has no field "layrs"; did you mean "layers"?'.
std::string describe_unknown(std::string_view name, const google::protobuf::Descriptor& message,
                             const google::protobuf::Descriptor& root);

}  // namespace trireme::launcher
