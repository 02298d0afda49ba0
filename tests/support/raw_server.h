// A server on 127.0.0.1 that answers with whatever bytes a test wants, faults included.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace qreason::testing {

// One accepted connection; closed when the answer returns.
class RawConnection {
 public:
  RawConnection(int descriptor, const std::atomic<bool>& ending) : descriptor_(descriptor), ending_(ending) {}
  // False when the other side has gone.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  // Until the other side goes away, or the server ends.
  void wait() const {
    for (pollfd ready{.fd = descriptor_, .events = POLLRDHUP, .revents = 0}; !ending_;)
      if (::poll(&ready, 1, 20) != 0) return;
  }
  // Closing then sends a reset.
  void reset() const {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  std::string receive_head() const {
    std::string head;
    for (char byte = 0; !head.ends_with("\r\n\r\n") && ::recv(descriptor_, &byte, 1, 0) == 1;) head += byte;
    return head;
  }

 private:
  int descriptor_;
  const std::atomic<bool>& ending_;
};

class RawServer {
 public:
  // `answer` gets the request's head; connections come one after another, each on a thread of its own.
  using Answer = std::function<void(const RawConnection&, const std::string& head)>;
  explicit RawServer(Answer answer)
      : answer_(std::move(answer)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), length) != 0 || ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) != 0)
      throw std::runtime_error("no local server");
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~RawServer() {
    ending_ = true;
    acceptor_.join();
    for (std::thread& thread : threads_) thread.join();
    ::close(listener_);
  }
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  std::string url(const std::string& path = "/") const { return "http://127.0.0.1:" + std::to_string(port_) + path; }
  int port() const { return port_; }
  std::vector<std::string> heads() const {
    const std::lock_guard lock(mutex_);
    return heads_;
  }

 private:
  void accept_all() {
    while (!ending_) {
      pollfd ready{.fd = listener_, .events = POLLIN, .revents = 0};
      if (::poll(&ready, 1, 20) <= 0) continue;
      const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (descriptor < 0) continue;
      threads_.emplace_back([this, descriptor] {
        const RawConnection connection(descriptor, ending_);
        const std::string head = connection.receive_head();
        {
          const std::lock_guard lock(mutex_);
          heads_.push_back(head);
        }
        if (!head.empty()) answer_(connection, head);
        ::close(descriptor);
      });
    }
  }

  Answer answer_;
  int listener_;
  int port_ = 0;
  std::atomic<bool> ending_{false};
  mutable std::mutex mutex_;
  std::vector<std::string> heads_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace qreason::testing
