# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# bash completion for v6gwctl(1).  The words come from v6gwctl itself.

_v6gwctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local name argument extra said='' words='' i taken
	local -A takes=()
	local -a lines=()

	mapfile -t lines < <("${COMP_WORDS[0]}" --complete 2>/dev/null)
	takes[-s]=SOCKET
	for i in "${lines[@]}"; do
		IFS=$'\x1f' read -r name argument _ <<<"${i//$'\t'/$'\x1f'}"
		[[ $name == --* ]] && takes[$name]=$argument
	done
	# What is said already, without options and what belongs to them.
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} != -* ]]; then
			said+=${said:+ }${COMP_WORDS[i]}
		elif [[ ${takes[${COMP_WORDS[i]}]-} ]]; then
			((i++))
		fi
	done
	taken=${takes[$prev]-}
	if [[ $prev == -* && $taken ]]; then
		[[ $taken == ADDR ]] || mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
	fi
	for i in "${lines[@]}"; do
		IFS=$'\x1f' read -r name argument _ extra <<<"${i//$'\t'/$'\x1f'}"
		if [[ $name == --* ]]; then
			[[ $cur == -* ]] && [[ ! $extra || $extra == "$said" || $said == "$extra "* ]] &&
				words+=" $name"
		elif [[ $cur != -* ]]; then
			if [[ $said == "$name" ]]; then
				words+=" $extra"
			elif [[ ! $said ]]; then
				words+=" ${name%% *}"
			elif [[ $name == "$said "* ]]; then
				words+=" ${name#"$said "}"
			fi
		fi
	done
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur" | sort -u)
}

complete -F _v6gwctl v6gwctl
