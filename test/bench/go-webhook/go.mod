module lockkeeper.dev/bench/webhook

go 1.22
