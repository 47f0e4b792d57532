#include "net/session_stream.hpp"

namespace squall::net {

bool StreamBuffer::write(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  if (closed_ || ended_) return false;
  if (pending_.size() + bytes.size() > bytes_max_) {
    closed_ = true;
    overflow_ = true;
  } else {
    pending_ += bytes;
  }
  wake_locked();
  return !overflow_;
}

void StreamBuffer::close() {
  const std::lock_guard lock(mutex_);
  if (closed_ || ended_) return;
  closed_ = true;
  wake_locked();
}

void StreamBuffer::on_closed(std::function<void()> callback) {
  const std::lock_guard lock(mutex_);
  if (ended_) {
    loop_.post(std::move(callback));
  } else {
    callbacks_.push_back(std::move(callback));
  }
}

void StreamBuffer::attach(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
}

StreamBuffer::Taken StreamBuffer::take() {
  const std::lock_guard lock(mutex_);
  return {std::exchange(pending_, {}), closed_, overflow_};
}

void StreamBuffer::end() {
  std::function<void()> dropped;  // holds the session: must die outside of the lock
  const std::lock_guard lock(mutex_);
  ended_ = true;
  dropped = std::exchange(wake_, nullptr);
  pending_.clear();
  for (auto& callback : callbacks_) loop_.post(std::move(callback));
  callbacks_.clear();
}

// Many writes before the session gets its turn need one wake-up only.
void StreamBuffer::wake_locked() {
  if (wake_posted_) return;
  wake_posted_ = true;
  loop_.post([self = shared_from_this()] {
    std::function<void()> wake;
    {
      const std::lock_guard lock(self->mutex_);
      self->wake_posted_ = false;
      wake = self->wake_;
    }
    if (wake) wake();
  });
}

namespace {

class Handle final : public ResponseStream {
 public:
  explicit Handle(std::shared_ptr<StreamBuffer> buffer) : buffer_(std::move(buffer)) {}
  ~Handle() override { buffer_->close(); }
  bool write(std::string bytes) override { return buffer_->write(bytes); }
  void close() override { buffer_->close(); }
  void on_closed(std::function<void()> callback) override { buffer_->on_closed(std::move(callback)); }

 private:
  std::shared_ptr<StreamBuffer> buffer_;
};

}  // namespace

std::shared_ptr<ResponseStream> make_response_stream(std::shared_ptr<StreamBuffer> buffer) {
  return std::make_shared<Handle>(std::move(buffer));
}

}  // namespace squall::net
