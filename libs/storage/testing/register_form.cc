#include "storage/testing/register_form.h"

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/embedded_register.h"
#include "storage/etcd_register.h"
#include "storage/memory_register.h"
#include "storage/testing/etcd_cluster.h"

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

class EtcdForm : public RegisterForm {
 public:
  explicit EtcdForm(std::unique_ptr<EtcdRegister> connected) : register_(std::move(connected)) {}
  Register& subject() override { return *register_; }

 private:
  const std::unique_ptr<EtcdRegister> register_;
};

absl::StatusOr<std::unique_ptr<RegisterForm>> MakeEtcd() {
  // One member for all tests of the process; a prefix of its own keeps each test apart.
  static const absl::StatusOr<std::unique_ptr<EtcdCluster>> cluster = EtcdCluster::Start({});
  static std::atomic<int> tests = 0;
  GROAT_RETURN_IF_ERROR(cluster.status());
  EtcdOptions options = (*cluster)->ClientOptions(absl::StrCat("test-", ++tests, "/"));
  // Generous, since a test machine can be slow and these tests lose no answers.
  options.call_timeout = absl::Seconds(30);
  options.try_timeout = absl::Seconds(20);
  GROAT_ASSIGN_OR_RETURN(std::unique_ptr<EtcdRegister> connected, EtcdRegister::Connect(options));
  return std::make_unique<EtcdForm>(std::move(connected));
}

}  // namespace

absl::StatusOr<std::unique_ptr<RegisterForm>> MakeRegisterForm(const std::string& name) {
  if (name == "Memory") return std::make_unique<MemoryForm>();
  if (name == "Embedded") return MakeEmbedded();
  if (name == "Etcd") return MakeEtcd();
  return absl::NotFoundError("no form of the register is named " + name);
}

}  // namespace groat::storage::testing
