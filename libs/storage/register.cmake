# The register and its forms.
groat_library(storage_register
  SRCS register.cc register_transaction.cc register_state.cc local_register.cc memory_register.cc
    embedded_register.cc faulty_register.cc
  DEPS groat::base absl::status absl::statusor absl::strings absl::time
    RocksDB::rocksdb-shared)

# What tests of the register and of those who use it need.
groat_library(storage_testing
  SRCS testing/append_history.cc testing/append_workload.cc testing/register_form.cc
  DEPS groat::storage_register)

groat_test(append_history_test SRCS testing/append_history_test.cc DEPS groat::storage_testing)
groat_test(register_conformance_test SRCS register_conformance_test.cc DEPS groat::storage_testing)
