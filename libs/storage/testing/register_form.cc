#include "storage/testing/register_form.h"

#include <unistd.h>

#include <filesystem>
#include <utility>

#include "base/status_macros.h"
#include "storage/embedded_register.h"
#include "storage/memory_register.h"

namespace groat::storage::testing {
namespace {

class MemoryForm : public RegisterForm {
 public:
  Register& subject() override { return register_; }
  void PassTimeToLive() override { register_.AdvanceTime(absl::Seconds(2)); }

 private:
  MemoryRegister register_;
};

class EmbeddedForm : public RegisterForm {
 public:
  EmbeddedForm(std::string path, std::unique_ptr<EmbeddedRegister> opened)
      : path_(std::move(path)), register_(std::move(opened)) {}
  ~EmbeddedForm() override {
    register_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Register& subject() override { return *register_; }

 private:
  const std::string path_;
  std::unique_ptr<EmbeddedRegister> register_;
};

absl::StatusOr<std::unique_ptr<RegisterForm>> MakeEmbedded() {
  std::string path = std::filesystem::temp_directory_path() / "groat-register-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) return absl::InternalError("no temporary folder " + path);
  GROAT_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedRegister> opened, EmbeddedRegister::Open(path));
  return std::make_unique<EmbeddedForm>(path, std::move(opened));
}

}  // namespace

absl::StatusOr<std::unique_ptr<RegisterForm>> MakeRegisterForm(const std::string& name) {
  if (name == "Memory") return std::make_unique<MemoryForm>();
  if (name == "Embedded") return MakeEmbedded();
  return absl::NotFoundError("no form of the register is named " + name);
}

}  // namespace groat::storage::testing
