// The forms of the register as the conformance tests see them. Tests only.
#ifndef GROAT_STORAGE_TESTING_REGISTER_FORM_H_
#define GROAT_STORAGE_TESTING_REGISTER_FORM_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "storage/register.h"

namespace groat::storage::testing {

// An empty store of its own and the means to reach it.
class RegisterForm {
 public:
  virtual ~RegisterForm() = default;
  virtual Register& subject() = 0;
  // Lets a time to live of 2 s run out: at once in virtual time, or by nothing in real time.
  virtual void PassTimeToLive() {}
};

// `name` is "Memory", "Embedded" or "Etcd" (one real member, shared by the tests of a process).
// NotFound for another name; Unavailable if the form's program is missing.
absl::StatusOr<std::unique_ptr<RegisterForm>> MakeRegisterForm(const std::string& name);

}  // namespace groat::storage::testing

#endif  // GROAT_STORAGE_TESTING_REGISTER_FORM_H_
