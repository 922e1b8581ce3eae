#include "p2p/fifo.h"

#include <gmock/gmock.h>

#include <deque>
#include <memory>
#include <random>

namespace groat::p2p {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

TEST(FifoTest, GivesItemsInOrder) {
  Fifo<int> fifo;
  EXPECT_TRUE(fifo.empty());
  for (int i = 1; i <= 3; ++i) fifo.push(i);
  EXPECT_EQ(fifo.size(), 3U);
  EXPECT_EQ(fifo.front(), 1);
  EXPECT_EQ(fifo.pop(), 1);
  fifo.push(4);
  EXPECT_THAT(std::vector<int>(fifo.begin(), fifo.end()), ElementsAre(2, 3, 4));
  EXPECT_EQ(fifo.pop(), 2);
  EXPECT_EQ(fifo.pop(), 3);
  EXPECT_EQ(fifo.pop(), 4);
  EXPECT_TRUE(fifo.empty());
}

TEST(FifoTest, FrontCanBeChanged) {
  Fifo<int> fifo;
  fifo.push(1);
  fifo.front() = 5;
  EXPECT_EQ(fifo.pop(), 5);
}

// Everything that was taken is destroyed by the time the queue is empty: no message outlives its
// queue's interest in it.
TEST(FifoTest, LetsGoOfWhatWasTaken) {
  const auto item = std::make_shared<int>(1);
  Fifo<std::shared_ptr<int>> fifo;
  for (int i = 0; i < 200; ++i) fifo.push(item);
  for (int i = 0; i < 150; ++i) fifo.pop();
  EXPECT_EQ(item.use_count(), 51);
  for (int i = 0; i < 50; ++i) fifo.pop();
  EXPECT_EQ(item.use_count(), 1);
}

// Model: std::deque, with lengths that grow and shrink across the sizes at which memory is given
// back or moved up.
TEST(FifoTest, BehavesLikeADeque) {
  std::mt19937 random(11);
  for (int round = 0; round < 50; ++round) {
    Fifo<std::unique_ptr<uint32_t>> fifo;
    std::deque<uint32_t> model;
    for (int step = 0; step < 2000; ++step) {
      const uint32_t bias = (step / 400) % 2 == 0 ? 6 : 3;  // Mostly growing, then shrinking.
      if (random() % 10 < bias) {
        const auto value = static_cast<uint32_t>(random());
        fifo.push(std::make_unique<uint32_t>(value));
        model.push_back(value);
      } else if (!model.empty()) {
        ASSERT_EQ(*fifo.front(), model.front());
        ASSERT_EQ(*fifo.pop(), model.front());
        model.pop_front();
      }
      ASSERT_EQ(fifo.size(), model.size());
      ASSERT_EQ(fifo.empty(), model.empty());
      if (step % 97 == 0) {
        std::vector<uint32_t> values;
        for (const auto& value : fifo) values.push_back(*value);
        ASSERT_THAT(values, ElementsAreArray(model));
      }
    }
  }
}

}  // namespace
}  // namespace groat::p2p
