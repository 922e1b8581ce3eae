# The register and its forms.
groat_library(storage_register
  SRCS register.cc
  DEPS groat::base absl::status absl::statusor absl::strings absl::synchronization absl::time)
