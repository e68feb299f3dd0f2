"""One training step of the paper's vanilla network in eager PyTorch: prints `ready VERSION`, then for each line `N` on
standard input does N steps and prints the milliseconds that they took, of wall-clock and of processor time. Batch preparation is not
included, which favours PyTorch."""

import sys
import time

import torch
from torch import nn

batch = int(sys.argv[1]) if len(sys.argv) > 1 else 128
torch.set_num_threads(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
torch.manual_seed(1)


def block(inputs, outputs):
    return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]


model = nn.Sequential(
    *block(3, 64), nn.MaxPool2d(2), *block(64, 128), nn.MaxPool2d(2), *block(128, 256),
    nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 10),
)
kernels = [p for p in model.parameters() if p.dim() > 1]
others = [p for p in model.parameters() if p.dim() <= 1]
optimizer = torch.optim.SGD(
    [{"params": kernels, "weight_decay": 5e-4}, {"params": others}], lr=0.01, momentum=0.9
)
images = torch.randn(batch, 3, 32, 32)
labels = torch.randint(0, 10, (batch,))
partners = torch.randint(0, 10, (batch,))
loss_of = nn.CrossEntropyLoss()

print("ready", torch.__version__, flush=True)
for line in sys.stdin:
    start, used = time.perf_counter(), time.process_time()
    for _ in range(int(line)):
        logits = model(images)
        loss = 0.7 * loss_of(logits, labels) + 0.3 * loss_of(logits, partners)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
    print(1000 * (time.perf_counter() - start), 1000 * (time.process_time() - used), flush=True)
