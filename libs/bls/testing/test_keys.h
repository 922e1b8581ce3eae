// Keys for tests: secret, different for each index, the same in every run.
#ifndef GROAT_BLS_TESTING_TEST_KEYS_H_
#define GROAT_BLS_TESTING_TEST_KEYS_H_

#include "base/bytes.h"
#include "bls/key_directory.h"
#include "bls/secret_key.h"

namespace groat::bls::testing {

inline SecretKey TestKey(uint64_t index) {
  return *SecretKey::KeyGen(Bytes(32, 0x42), ByteWriter().U64(index).bytes());
}

inline Registration TestRegistration(uint64_t index) {
  const SecretKey key = TestKey(index);
  return {key.public_key(), PopProve(key)};
}

}  // namespace groat::bls::testing

#endif  // GROAT_BLS_TESTING_TEST_KEYS_H_
