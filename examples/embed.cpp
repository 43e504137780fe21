// SPDX-License-Identifier: BSD-2-Clause
// examples/embed.cpp - libweir from C++: handles that free themselves, and an error as an exception.
#include <cstdint>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>
#include <weir/weir.h>

class Filter
{
  public:
    explicit Filter(const std::string &text, std::uint32_t linktype = 1)
    {
        weir_options options = WEIR_OPTIONS_INIT;
        weir *context = nullptr;
        weir_program *program = nullptr;

        if (weir_new(nullptr, &context) < 0)
            throw std::bad_alloc();
        std::unique_ptr<weir, void (*)(weir *)> owner(context, weir_free);
        options.linktype = linktype;
        int status = weir_compile(context, text.data(), text.size(), &options, &program);
        if (status < 0) {
            const struct weir_diagnostic *d = weir_diagnostic(context, 0);
            throw std::invalid_argument(d ? d->message : weir_strerror(status));
        }
        program_.reset(program);
    }

    // May be called from any number of threads at once.
    bool matches(const std::vector<std::uint8_t> &packet) const
    {
        auto size = static_cast<std::uint32_t>(packet.size());
        return weir_match(program_.get(), packet.data(), size, size, nullptr) != 0;
    }

  private:
    struct Free {
        void operator()(weir_program *p) const
        {
            weir_program_free(p);
        }
    };
    std::unique_ptr<weir_program, Free> program_;
};

int main(int argc, char **argv)
{
    // An ARP request, as far as its type
    const std::vector<std::uint8_t> arp = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x08, 0x06};

    try {
        Filter filter(argc > 1 ? argv[1] : "arp and ether broadcast");
        std::cout << (filter.matches(arp) ? "match" : "no match") << '\n';
    } catch (const std::exception &e) {
        std::cerr << e.what() << '\n';
        return 1;
    }
}
