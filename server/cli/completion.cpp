#include "server/cli/completion.hpp"

namespace osiekit::tink {

std::string bash_completion() {
    return R"(# bash completion for tink: source <(tink completion bash)
_tink_column() { tink "$@" 2>/dev/null | awk 'NR > 1 { print $1 }'; }
_tink() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words=
    case $before in
        --hardware) words=$(_tink_column hardware list) ;;
        --template) words=$(_tink_column template list) ;;
        --server | --set | --from | --name | --action) return ;;
    esac
    if [[ -z $words ]]; then
        case "${COMP_WORDS[1]} ${COMP_WORDS[2]}" in
            "hardware push" | "template create") COMPREPLY=($(compgen -f -- "$word")) ;;
            "hardware get") words=$(_tink_column hardware list) ;;
            "template get") words=$(_tink_column template list) ;;
            "workflow create") words="--template --hardware --set" ;;
            "workflow get" | "workflow events") words="$(_tink_column workflow list) --watch" ;;
            "workflow list") words="--hardware" ;;
            *) case "$COMP_CWORD ${COMP_WORDS[1]}" in
                1\ *) words="hardware template workflow logs events completion --server --json --help --version" ;;
                "2 hardware") words="push list get" ;;
                "2 template") words="create list get" ;;
                "2 workflow") words="create get list events" ;;
                "2 completion") words="bash" ;;
                *" logs") words="$(_tink_column workflow list) --follow --action" ;;
                *" events") words="$(_tink_column workflow list) --watch --hardware --from" ;;
            esac ;;
        esac
    fi
    [[ -z $words ]] || COMPREPLY=($(compgen -W "$words --json" -- "$word"))
}
complete -o filenames -F _tink tink
)";
}

}  // namespace osiekit::tink
