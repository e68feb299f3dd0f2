// Answers predictions over HTTP: node server.mjs runs/NAME, then curl --data-binary @cat.jpg http://localhost:3000/predict
import { argv, env } from 'node:process';
import express from 'express';
import { load, UserError } from 'instar';

const model = await load(argv[2] ?? 'best.onnx');
const app = express();

// Express 5 answers what an async handler throws.
// oxlint-disable-next-line oxc/no-async-endpoint-handlers
app.post('/predict', express.raw({ type: () => true, limit: '20mb' }), async (request, response) => {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  response.json(await model.predict(request.body, { top: 3, signal: gone.signal }));
});
app.use((error, _request, response, next) => {
  if (error instanceof UserError) response.status(400).json({ code: error.code, message: error.message });
  else next(error);
});

const server = app.listen(Number(env.PORT ?? 3000), () => console.log(`http://localhost:${server.address().port}/predict`));
