// The layout of the messages: linux/netfilter/nf_tables.h; what nft(8) sends for the same rules.
#include "lib/bridge/nat_rules.hpp"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <net/if.h>

namespace osiekit::bridge {
namespace {

constexpr std::uint32_t source_offset = 12;         // of the source address in an IPv4 header
constexpr std::uint32_t source_nat_priority = 100;  // NF_IP_PRI_NAT_SRC
// NF_CT_STATE_BIT(IP_CT_ESTABLISHED) and (IP_CT_RELATED), which the kernel's headers hide.
constexpr std::uint32_t answers = 1U << 1U | 1U << 2U;

NetlinkMessage message_of(unsigned kind, unsigned flags, unsigned char family) {
    nfgenmsg fixed{};
    fixed.nfgen_family = family;
    fixed.version = NFNETLINK_V0;
    return {static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8U | kind),
            static_cast<std::uint16_t>(flags), bytes_of(fixed)};
}

// A transaction's first and last message.
NamedMessage bracket(std::uint16_t type) {
    nfgenmsg fixed{};
    fixed.nfgen_family = AF_UNSPEC;
    fixed.version = NFNETLINK_V0;
    fixed.res_id = htons(NFNL_SUBSYS_NFTABLES);
    return {"talking to nf_tables", NetlinkMessage(type, 0, bytes_of(fixed))};
}

std::uint16_t nested(unsigned type) {
    return static_cast<std::uint16_t>(type | NLA_F_NESTED);
}

NamedMessage table(unsigned kind, unsigned flags, const std::string& name) {
    NetlinkMessage message = message_of(kind, flags | NLM_F_ACK, NFPROTO_IPV4);
    message.attribute_text(NFTA_TABLE_NAME, name);
    return {kind == NFT_MSG_NEWTABLE ? "making the table " + name : "removing the table " + name,
            std::move(message)};
}

struct Chain {
    const char* name;
    const char* type;
    std::uint32_t hook;
    std::uint32_t priority;
};

NamedMessage chain_of(const std::string& table, const Chain& chain) {
    NetlinkMessage message = message_of(NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_ACK, NFPROTO_IPV4);
    message.attribute_text(NFTA_CHAIN_TABLE, table);
    message.attribute_text(NFTA_CHAIN_NAME, chain.name);
    std::size_t hook = message.begin(nested(NFTA_CHAIN_HOOK));
    message.attribute_be32(NFTA_HOOK_HOOKNUM, chain.hook);
    message.attribute_be32(NFTA_HOOK_PRIORITY, chain.priority);
    message.end(hook);
    message.attribute_be32(NFTA_CHAIN_POLICY, NF_ACCEPT);
    message.attribute_text(NFTA_CHAIN_TYPE, chain.type);
    return {std::string("making the chain ") + chain.name + " of type " + chain.type,
            std::move(message)};
}

// One rule: expressions in order, each working on register 1.
class Rule {
  public:
    Rule(const std::string& table, const char* chain, std::string what)
        : what_(std::move(what)),
          message_(
              message_of(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK, NFPROTO_IPV4)) {
        message_.attribute_text(NFTA_RULE_TABLE, table);
        message_.attribute_text(NFTA_RULE_CHAIN, chain);
        list_ = message_.begin(nested(NFTA_RULE_EXPRESSIONS));
    }
    // The packet comes in by (or leaves by) an interface of this name, or whose name begins so.
    Rule& interface(unsigned key, std::string_view name, bool whole, unsigned operation) {
        begin("meta");
        message_.attribute_be32(NFTA_META_KEY, key);
        message_.attribute_be32(NFTA_META_DREG, NFT_REG_1);
        end();
        std::string value(name);
        if (whole) value.resize(IFNAMSIZ, '\0');
        return compare(operation, value);
    }
    Rule& comes_from(Ipv4 subnet, unsigned prefix_length) {
        begin("payload");
        message_.attribute_be32(NFTA_PAYLOAD_DREG, NFT_REG_1);
        message_.attribute_be32(NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
        message_.attribute_be32(NFTA_PAYLOAD_OFFSET, source_offset);
        message_.attribute_be32(NFTA_PAYLOAD_LEN, sizeof(std::uint32_t));
        end();
        masked(Ipv4::netmask(prefix_length).bytes());
        return compare(NFT_CMP_EQ, subnet.bytes());
    }
    Rule& is_answer() {
        begin("ct");
        message_.attribute_be32(NFTA_CT_KEY, NFT_CT_STATE);
        message_.attribute_be32(NFTA_CT_DREG, NFT_REG_1);
        end();
        masked(bytes_of(answers));
        return compare(NFT_CMP_NEQ, std::string(sizeof(std::uint32_t), '\0'));
    }
    NamedMessage masquerade() {
        begin("masq");
        end();
        return finish();
    }
    NamedMessage verdict(std::uint32_t code) {
        begin("immediate");
        message_.attribute_be32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
        std::size_t data = message_.begin(nested(NFTA_IMMEDIATE_DATA));
        std::size_t inner = message_.begin(nested(NFTA_DATA_VERDICT));
        message_.attribute_be32(NFTA_VERDICT_CODE, code);
        message_.end(inner);
        message_.end(data);
        end();
        return finish();
    }

  private:
    void begin(const char* name) {
        element_ = message_.begin(nested(NFTA_LIST_ELEM));
        message_.attribute_text(NFTA_EXPR_NAME, name);
        data_ = message_.begin(nested(NFTA_EXPR_DATA));
    }
    void end() {
        message_.end(data_);
        message_.end(element_);
    }
    void value(unsigned type, std::string_view bytes) {
        std::size_t start = message_.begin(nested(type));
        message_.attribute(NFTA_DATA_VALUE, bytes);
        message_.end(start);
    }
    void masked(std::string_view mask) {
        begin("bitwise");
        message_.attribute_be32(NFTA_BITWISE_SREG, NFT_REG_1);
        message_.attribute_be32(NFTA_BITWISE_DREG, NFT_REG_1);
        message_.attribute_be32(NFTA_BITWISE_LEN, static_cast<std::uint32_t>(mask.size()));
        value(NFTA_BITWISE_MASK, mask);
        value(NFTA_BITWISE_XOR, std::string(mask.size(), '\0'));
        end();
    }
    Rule& compare(unsigned operation, std::string_view bytes) {
        begin("cmp");
        message_.attribute_be32(NFTA_CMP_SREG, NFT_REG_1);
        message_.attribute_be32(NFTA_CMP_OP, operation);
        value(NFTA_CMP_DATA, bytes);
        end();
        return *this;
    }
    NamedMessage finish() {
        message_.end(list_);
        return {std::move(what_), std::move(message_)};
    }

    std::string what_;
    NetlinkMessage message_;
    std::size_t list_ = 0;
    std::size_t element_ = 0;
    std::size_t data_ = 0;
};

void add_forward_rules(const NatRules& rules, std::vector<NamedMessage>& messages) {
    auto rule = [&](const char* what) {
        return Rule(rules.bridge, "forward", std::string("making the rule for ") + what);
    };
    messages.push_back(rule("other sandboxes")
                           .interface(NFT_META_IIFNAME, bridge_prefix, false, NFT_CMP_EQ)
                           .interface(NFT_META_OIFNAME, bridge_prefix, false, NFT_CMP_EQ)
                           .verdict(NF_DROP));
    messages.push_back(rule("the way out")
                           .interface(NFT_META_IIFNAME, bridge_prefix, false, NFT_CMP_EQ)
                           .verdict(NF_ACCEPT));
    messages.push_back(rule("answers (conntrack)")
                           .interface(NFT_META_OIFNAME, bridge_prefix, false, NFT_CMP_EQ)
                           .is_answer()
                           .verdict(NF_ACCEPT));
    messages.push_back(rule("the way in")
                           .interface(NFT_META_OIFNAME, bridge_prefix, false, NFT_CMP_EQ)
                           .verdict(NF_DROP));
    if (rules.only_bridges) messages.push_back(rule("everything else").verdict(NF_DROP));
}

}  // namespace

std::vector<NamedMessage> add_nat_rules(const NatRules& rules) {
    std::vector<NamedMessage> messages;
    messages.push_back(bracket(NFNL_MSG_BATCH_BEGIN));
    // Made so that it can be removed, with what it may already hold.
    messages.push_back(table(NFT_MSG_NEWTABLE, NLM_F_CREATE, rules.bridge));
    messages.push_back(table(NFT_MSG_DELTABLE, 0, rules.bridge));
    messages.push_back(table(NFT_MSG_NEWTABLE, NLM_F_CREATE, rules.bridge));
    messages.push_back(
        chain_of(rules.bridge, {"postrouting", "nat", NF_INET_POST_ROUTING, source_nat_priority}));
    messages.push_back(chain_of(rules.bridge, {"forward", "filter", NF_INET_FORWARD, 0}));
    messages.push_back(
        Rule(rules.bridge, "postrouting", "making the rule for address translation (masquerade)")
            .comes_from(rules.subnet, rules.prefix_length)
            .interface(NFT_META_OIFNAME, rules.bridge, true, NFT_CMP_NEQ)
            .masquerade());
    add_forward_rules(rules, messages);
    messages.push_back(bracket(NFNL_MSG_BATCH_END));
    return messages;
}

std::vector<NamedMessage> remove_nat_rules(const std::string& bridge) {
    std::vector<NamedMessage> messages;
    messages.push_back(bracket(NFNL_MSG_BATCH_BEGIN));
    messages.push_back(table(NFT_MSG_NEWTABLE, NLM_F_CREATE, bridge));
    messages.push_back(table(NFT_MSG_DELTABLE, 0, bridge));
    messages.push_back(bracket(NFNL_MSG_BATCH_END));
    return messages;
}

}  // namespace osiekit::bridge
