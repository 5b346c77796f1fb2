import sys,json,time,os
sys.path.insert(0,os.getcwd())
from salt_lib.pretrain import *
world=int(sys.argv[1]); out=sys.argv[2]; kw=json.loads(sys.argv[3])
t=time.time()
pretrain(world,out,Recipe(**kw),progress=False)
print(out,'done',time.time()-t)
