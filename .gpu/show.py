import json,glob,os
for d in sorted(glob.glob('/tmp/x/*')):
    p=d+'/curve.json' if os.path.exists(d+'/curve.json') else d+'/resume/curve.json'
    if not os.path.exists(p): print(d,'none'); continue
    c=json.load(open(p))['curve']
    for r in c[1::3][-4:]+c[-1:]: print(os.path.basename(d),r['step'],r['masked_word_loss'],r['next_sentence_loss'],round(sum(r['alignment'].values())/16,3),r['seconds'])
    print('   ',{k:round(v,2) for k,v in c[-1]['alignment'].items()})
