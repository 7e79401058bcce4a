using BenchmarkDotNet.Running;

// In this process: nothing has to be generated and built for each benchmark, which takes minutes on a busy machine and fails where it takes too many.
BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run([.. args, "--inProcess", "--artifacts", Path.Combine("artifacts", "bench")]);
