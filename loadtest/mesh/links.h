// What both forms of the benchmark, bare sockets and the mesh, give to its workloads: messages to
// connected peers, which have numbers, and timers.
//
// Everything belongs to the one thread of a node: calls and callbacks alike.
#ifndef GROAT_LOADTEST_MESH_LINKS_H_
#define GROAT_LOADTEST_MESH_LINKS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "base/bytes.h"
#include "crypto/ed25519.h"

namespace groat::load {

enum class Lane : uint8_t {
  kUrgent,  // Small and at once.
  kStream,  // Coalesced; on the same connection.
  kBulk,    // On a connection of its own.
};

class LinksUser {
 public:
  virtual ~LinksUser() = default;
  // `message` is valid during the call.
  virtual void OnMessage(size_t peer, ByteView message) = 0;
  // A peer for which a message was refused has room again.
  virtual void OnRoom(size_t peer) = 0;
};

class Links {
 public:
  virtual ~Links() = default;
  // To every connected peer, on the urgent lane.
  virtual void Broadcast(ByteView message) = 0;
  // False: refused, since too much waits for the peer already; OnRoom follows.
  virtual bool Send(size_t peer, Lane lane, ByteView message) = 0;
  // Runs the task once, not inside this call.
  virtual void After(std::chrono::nanoseconds delay, std::function<void()> task) = 0;
};

// The key of a node of a benchmark goes by its number, so that all know each other's.
Ed25519PrivateKey NodeKey(size_t node);

// One line to the program that started this one; from any thread.
void Report(const std::string& line);

// Nanoseconds of a clock that all processes of this machine share.
inline int64_t MonotonicNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace groat::load

#endif  // GROAT_LOADTEST_MESH_LINKS_H_
