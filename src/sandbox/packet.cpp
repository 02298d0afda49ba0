#include "sandbox/packet.h"

#include <sys/socket.h>

#include <cstring>
#include <string>
#include <vector>

namespace qreason {

bool send_packet(int socket, std::string_view text, std::span<const int> descriptors) {
  std::string words(text);
  iovec part{words.data(), words.size()};
  std::vector<char> space(CMSG_SPACE(descriptors.size_bytes()));
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = space.data();
  message.msg_controllen = space.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
  std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
  return ::sendmsg(socket, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(words.size());
}

}  // namespace qreason
