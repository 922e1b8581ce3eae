// Tags and sizes of the items of a growth proof, for its writer and its verifier.
#ifndef GROAT_MERKLE_GROWTH_ITEMS_H_
#define GROAT_MERKLE_GROWTH_ITEMS_H_

#include <cstddef>
#include <cstdint>

namespace groat::merkle {

inline constexpr uint8_t kItemEmpty = 0x00;
inline constexpr uint8_t kItemSame = 0x01;
inline constexpr uint8_t kItemNode = 0x02;
inline constexpr uint8_t kItemFilled = 0x03;
inline constexpr uint8_t kItemDisplaced = 0x04;

inline constexpr size_t kNewLeafBytes = 64;  // key 32 | value 32
// The longest item without its new leaves: tag, key, value, cycle, count.
inline constexpr size_t kLargestItemBytes = 1 + 32 + 32 + 8 + 4;

}  // namespace groat::merkle

#endif  // GROAT_MERKLE_GROWTH_ITEMS_H_
