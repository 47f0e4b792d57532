#include "engine/pack_reader.hpp"

#include "packs/layers.hpp"

namespace squall::engine {

PackReader::~PackReader() {
  *alive_ = false;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    requests_.clear();
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void PackReader::read(std::vector<std::string> directories, std::string shipped, packs::LoadOptions options,
                      Done done) {
  const std::lock_guard lock(mutex_);
  requests_.push_back({std::move(directories), std::move(shipped), std::move(options), std::move(done)});
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  changed_.notify_one();
}

void PackReader::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopped_ || !requests_.empty(); });
    if (stopped_) return;
    const Request request = std::move(requests_.front());
    requests_.pop_front();
    lock.unlock();
    auto packs = std::make_shared<const std::vector<packs::LoadedPack>>(
        packs::load_layers(request.directories, request.shipped, request.options));
    executor_.post([alive = alive_, packs, done = request.done] {
      if (*alive) done(*packs);
    });
    lock.lock();
  }
}

}  // namespace squall::engine
