mkdir -p /tmp/x; export OMP_NUM_THREADS=2
go(){ timeout $LIM python3 .gpu/explore.py 100 /tmp/x/$1 "$2" > /tmp/x-$1.log 2>&1 & }
LIM=470
S='"steps":8000,"evaluate_every":1000'
go A "{$S}"
go B "{$S,\"hidden\":64,\"intermediate\":256}"
go C "{$S,\"keep\":0.0,\"random\":0.0}"
go D "{$S,\"dropout\":0.1}"
go E "{$S,\"learning_rate\":1e-3}"
go F "{$S,\"layers\":2,\"hidden\":128,\"intermediate\":256}"
go G "{$S,\"documents\":6000}"
wait
python3 .gpu/show.py
tail -n 3 /tmp/x-*.log
for v in A B C D E F G; do (cd /tmp/x/$v && tar czf $OUT/$v.tgz --exclude='optimizer*' .); done
nvidia-smi | head -15
