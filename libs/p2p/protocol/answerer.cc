#include "p2p/protocol/answerer.h"

#include <map>
#include <utility>

#include "p2p/protocol/typed_channel.h"

namespace groat::p2p {

class Answerer::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(Executor& executor, const RequestChannels& channels, const AnswererOptions& options,
       Handler handler)
      : options_(options),
        max_value_bytes_(channels.max_value_bytes),
        handler_(std::move(handler)),
        receiver_(*channels.requests.receiver, executor),
        sender_(*channels.answers.sender) {}

  void Start() {
    receiver_.OnMessage([weak = weak_from_this()](const PeerId& from, RequestMessage request) {
      if (const auto impl = weak.lock()) impl->OnRequest(from, request);
    });
  }

  void Finish(const PeerId& to, AnswerMessage answer) {
    const auto open = open_.find(to);
    if (--open->second == 0) open_.erase(open);
    --stats_.open;
    if (answer.value.size() > max_value_bytes_) {
      ++stats_.too_large;
      answer.kind = AnswerKind::kDoNotHave;
      answer.value.clear();
    }
    ++(answer.kind == AnswerKind::kValue ? stats_.values : stats_.did_not_have);
    Send(to, answer);
  }

  const AnswererStats& stats() const { return stats_; }

 private:
  void OnRequest(const PeerId& from, const RequestMessage& request) {
    ++stats_.requests;
    const auto open = open_.find(from);
    if (stats_.open >= options_.max_open ||
        (open != open_.end() && open->second >= options_.max_open_per_peer)) {
      ++stats_.busy;
      Send(from, {request.id, AnswerKind::kBusy, {}});
      return;
    }
    ++open_[from];
    ++stats_.open;
    handler_(from, request.key, Reply(weak_from_this(), from, request.id));
  }

  void Send(const PeerId& to, const AnswerMessage& answer) {
    if (sender_.Send(Recipients::One(to), answer).empty()) ++stats_.unsent;
  }

  const AnswererOptions options_;
  const size_t max_value_bytes_;
  const Handler handler_;
  const TypedReceiver<RequestMessage> receiver_;
  const TypedSender<AnswerMessage> sender_;
  std::map<PeerId, size_t> open_;  // None is 0.
  AnswererStats stats_;
};

Answerer::Reply::Reply(std::weak_ptr<Impl> owner, const PeerId& to, uint64_t id)
    : owner_(std::move(owner)), to_(to), id_(id) {}

Answerer::Reply::Reply(Reply&&) noexcept = default;

void Answerer::Reply::Have(ByteView value) {
  const std::shared_ptr<Impl> owner = std::exchange(owner_, {}).lock();
  if (owner == nullptr) return;
  owner->Finish(to_, {id_, AnswerKind::kValue, Bytes(value.begin(), value.end())});
}

void Answerer::Reply::DoNotHave() {
  const std::shared_ptr<Impl> owner = std::exchange(owner_, {}).lock();
  if (owner != nullptr) owner->Finish(to_, {id_, AnswerKind::kDoNotHave, {}});
}

Answerer::Answerer(Executor& executor, const RequestChannels& channels,
                   const AnswererOptions& options, Handler handler)
    : impl_(std::make_shared<Impl>(executor, channels, options, std::move(handler))) {
  impl_->Start();
}

Answerer::~Answerer() = default;

const AnswererStats& Answerer::stats() const { return impl_->stats(); }

}  // namespace groat::p2p
