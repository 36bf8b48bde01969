#include "collectives/host/window.h"

#include <algorithm>
#include <functional>

namespace trireme::collectives {

void Windows::add(std::shared_ptr<const Window> window) {
  std::lock_guard lock(mutex_);
  windows_.push_back(std::move(window));
}

void Windows::remove(std::uint64_t number) {
  std::lock_guard lock(mutex_);
  std::erase_if(windows_, [number](const auto& window) { return window->number == number; });
}

Place Windows::find(const void* data, std::int64_t bytes) const {
  const auto* begin = static_cast<const std::byte*>(data);
  std::lock_guard lock(mutex_);
  for (const auto& window : windows_) {
    const std::byte* part = window->part(window->own);
    if (!std::less<>{}(begin, part) && !std::less<>{}(part + window->part_bytes, begin + bytes))
      return {.window = window->number, .offset = begin - part};
  }
  return {};
}

std::shared_ptr<const Window> Windows::get(std::uint64_t number) const {
  std::lock_guard lock(mutex_);
  for (const auto& window : windows_)
    if (window->number == number) return window;
  return nullptr;
}

}  // namespace trireme::collectives
