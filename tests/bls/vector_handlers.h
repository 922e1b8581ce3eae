// What a vector's input must lead to: one function for each handler of a vector file.
//
// Pure. Handlers: those of ethereum/bls12-381-tests, and `keygen`, `pop_prove`, `pop_verify` and
// `aggregate_pubkeys`; tests/vectors/bls/README.md says how their cases are to be read.
#ifndef GROAT_TESTS_BLS_VECTOR_HANDLERS_H_
#define GROAT_TESTS_BLS_VECTOR_HANDLERS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace groat::bls {

// The output for a case's input; null where the call fails. InvalidArgument if the handler is
// unknown or the input has not the form that the handler needs.
absl::StatusOr<nlohmann::json> RunHandler(const std::string& handler, const nlohmann::json& input);

// OK if the case {"input": ..., "output": ...} gives what it says; the message tells what is wrong.
absl::Status RunCase(const std::string& handler, const nlohmann::json& vector);

}  // namespace groat::bls

#endif  // GROAT_TESTS_BLS_VECTOR_HANDLERS_H_
